//! Rules of CTA-5004-B by number where they have one: S1 to S6 are those for servers.

use proptest::prelude::*;

use super::*;

fn event(line: &str) -> Cmcd {
    read_line(line, Mode::Event).unwrap()
}

fn codes(body: &str) -> Vec<(usize, Option<String>, &'static str)> {
    validate(body)
        .into_iter()
        .map(|issue| (issue.line, issue.key, issue.code))
        .collect()
}

#[test]
fn a_record_of_event_mode_is_read() {
    let cmcd = event(
        r#"bl=(6000;v 5900;a), br=(4200;v), cid="clip", e=ps, mtp=(15000), pt=29188, sid="6e2f", sn=12, sta=p, ts=1795388463879, v=2"#,
    );
    assert_eq!(cmcd.text(Key::E), Some("ps"));
    assert_eq!(
        cmcd.ints(Key::Bl),
        Some(&[(Some(ObjectType::Audio), 5_900), (Some(ObjectType::Video), 6_000)][..])
    );
    assert_eq!(
        (cmcd.main(Key::Bl), cmcd.main(Key::Mtp)),
        (Some(6_000), Some(15_000))
    );
    assert_eq!(
        (cmcd.int(Key::Ts), cmcd.int(Key::Sn)),
        (Some(1_795_388_463_879), Some(12))
    );
}

#[test]
fn s1_unknown_keys_cost_nothing() {
    assert_eq!(event("e=t,future=7,ts=1,v=2"), event("e=t,ts=1,v=2"));
}

#[test]
fn s2_a_wrong_value_costs_its_key_alone() {
    let clean = event("e=t,ts=1,v=2");
    for wrong in [
        "bl=5000",
        "bs=1",
        "cid=clip",
        "sta=x",
        "ot=\"v\"",
        "pt=-1",
        "br=(\"a\")",
        "pt=1.5",
        "su=yes",
        "sid=",
        "d=1x",
        "=3",
        "Bl=3",
        "cid=\"é\"",
    ] {
        assert_eq!(event(&format!("e=t,{wrong},ts=1,v=2")), clean, "{wrong}");
    }
    let long = format!("cid=\"{}\",e=t,ts=1,v=2", "x".repeat(129));
    assert_eq!(event(&long), clean);
}

#[test]
fn s3_and_s4_any_key_may_be_missing_and_stand_anywhere() {
    assert_eq!(event("ts=1,v=2,e=t"), event("e=t,ts=1,v=2"));
    assert_eq!(event("bs").int(Key::Ts), None);
}

#[test]
fn s5_where_a_key_stands_does_not_matter_in_headers() {
    let cmcd = from_headers([
        "br=3200,d=4004,ot=v,tb=6000",
        "mtp=25400",
        "",
        "bs,rtp=15000",
        r#"sid="6e2fb550""#,
    ])
    .unwrap();
    assert_eq!(cmcd.main(Key::Br), Some(3_200));
    assert_eq!(cmcd.ints(Key::Br), Some(&[(Some(ObjectType::Video), 3_200)][..]));
    assert_eq!(
        (cmcd.is(Key::Bs), cmcd.int(Key::Rtp), cmcd.text(Key::Sid)),
        (true, Some(15_000), Some("6e2fb550"))
    );
}

#[test]
fn s6_a_version_that_is_not_known_is_refused_whole() {
    assert_eq!(read_line("e=t,ts=1,v=3", Mode::Event), Err(Refused::Version(3)));
    assert_eq!(
        read_line("bl=(1000),v=2,v=3", Mode::Request),
        Err(Refused::Version(3))
    );
    assert_eq!(read_line("  ", Mode::Event), Err(Refused::Nothing));
}

#[test]
fn the_first_version_becomes_the_second() {
    let cmcd = from_query("a=1&CMCD=bl%3D21300%2Cbr%3D3200%2Cbs%2Ccid%3D%22faec5fc2-ac30-11ea-bb37-0242ac130002%22%2Cd%3D4004%2Cdl%3D18500%2Cmtp%3D48100%2Cnor%3D%22..%252F300kbps%252Ftrack.m4v%22%2Cnrr%3D%2212323-48763%22%2Cot%3Dv%2Cpr%3D1.08%2Crtp%3D12000%2Csf%3Dd%2Csid%3D%226e2fb550-c457-11e9-bb97-0800200c9a66%22%2Cst%3Dv%2Csu%2Ctb%3D6000").unwrap().unwrap();
    let printed = r#"bl=(21300),br=(3200;v),bs,cid="faec5fc2-ac30-11ea-bb37-0242ac130002",d=4004,dl=18500,mtp=(48100),nor=("..%2F300kbps%2Ftrack.m4v";r="12323-48763"),ot=v,pr=1.08,rtp=12000,sf=d,sid="6e2fb550-c457-11e9-bb97-0800200c9a66",st=v,su,tb=(6000;v)"#;
    assert_eq!(cmcd.to_string(), printed);
    assert_eq!(
        read_line("br=(3200)", Mode::Request),
        Err(Refused::Nothing),
        "lists are of version 2"
    );
}

#[test]
fn a_query_is_read_with_blanks_of_either_kind() {
    let plain = from_query("CMCD=bs%2Csid%3D%22a%20b%22").unwrap();
    assert_eq!(plain, from_query("g=2&CMCD=bs,sid=%22a+b%22").unwrap());
    assert_eq!(from_query("cmcd=bs"), None, "the name is case-sensitive");
}

#[test]
fn lines_of_a_body_are_records_of_their_own() {
    let body = "e=ps,sta=s,ts=1,v=2\n\ne=t,ts=\"x\",v=9\n  e=ps,sta=p,ts=2,v=2 \n";
    let read: Vec<_> = read(body)
        .map(|(line, _, outcome)| (line, outcome.map(|cmcd| cmcd.int(Key::Ts))))
        .collect();
    assert_eq!(
        read,
        [(1, Ok(Some(1))), (3, Err(Refused::Version(9))), (4, Ok(Some(2)))]
    );
}

#[test]
fn a_clean_report_has_no_issue() {
    let body =
        "cid=\"c\",e=ps,sid=\"s\",sta=p,ts=1795388463879,v=2\ncom.example-mode=kiosk,e=ce,cen=\"x\",ts=1,v=2";
    assert_eq!(codes(body), [(2, Some("cen".to_owned()), "order")]);
}

#[test]
fn each_issue_is_told_with_its_line_and_key() {
    let of = |line: &str| {
        codes(line)
            .into_iter()
            .map(|(_, key, code)| (key.unwrap_or_default(), code))
            .collect::<Vec<_>>()
    };
    let case = |member: &str| of(&format!("{member},e=t,ts=1,v=2"));
    let one = |key: &str, code| vec![(key.to_owned(), code)];
    assert_eq!(case("bl=(5050)"), one("bl", "not_rounded"));
    assert_eq!(case("bl=5000"), one("bl", "invalid_value"));
    assert_eq!(case("bs=?0"), one("bs", "needless"));
    assert_eq!(case("cen=\"x\""), one("cen", "misplaced"));
    assert_eq!(case("custom-x=1"), one("custom-x", "invalid_value"));
    assert_eq!(case("bs,bs"), one("bs", "duplicate_key"));
    assert_eq!(
        case("a=\"x"),
        [
            ("a", "syntax"),
            ("v", "missing"),
            ("ts", "missing"),
            ("e", "missing")
        ]
        .map(|(k, c)| (k.to_owned(), c))
    );
    assert_eq!(of("cc=1,e=t,ts=1,v=2"), one("cc", "unknown_key"));
    assert_eq!(of("e=t,nrr=\"0-1\",ts=1,v=2"), one("nrr", "unknown_key"));
    assert_eq!(of("e=ps,ts=1,v=2"), one("sta", "missing"));
    assert_eq!(of("e=rr,rc=200,ts=1,v=2"), one("url", "missing"));
    assert_eq!(of("e=t,ts=1"), one("v", "missing"));
    assert_eq!(of("e=pr,pr=1.5,sta=a,ts=1,v=2"), one("e", "misplaced"));
    assert_eq!(of("e=t,pr=0,sta=a,ts=1,v=2"), []);
    assert_eq!(codes("e=t,ts=1,v=2\n"), [(2, None, "trailing_line_feed")]);
    assert_eq!(codes(""), [(1, None, "empty")]);
}

fn any_value(key: Key) -> BoxedStrategy<Value> {
    let number = || prop_oneof![0..100_000_i64, Just(999_999_999_999_999)];
    let of = || proptest::option::of(proptest::sample::select(ObjectType::ALL));
    let string =
        |longest: usize| proptest::string::string_regex(&format!("[ -~]{{0,{}}}", longest.min(40))).unwrap();
    match key.kind() {
        Kind::Bool if key.is_own() => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Bool => Just(Value::Bool(true)).boxed(),
        Kind::Int if key == Key::V => Just(Value::Int(2)).boxed(),
        Kind::Int | Kind::Rounded => number().prop_map(Value::Int).boxed(),
        Kind::Decimal => (-9_999_999_999_i64..9_999_999_999)
            .prop_map(Value::Decimal)
            .boxed(),
        Kind::Token(tokens) => proptest::sample::select(tokens)
            .prop_map(|token| Value::Token(token.to_owned()))
            .boxed(),
        Kind::Text(longest) => string(longest).prop_map(Value::Text).boxed(),
        Kind::Ints | Kind::RoundedInts => proptest::collection::vec((of(), number()), 1..5)
            .prop_map(|mut list| {
                list.sort_by_key(|(of, _)| *of);
                Value::Ints(list)
            })
            .boxed(),
        Kind::Texts => proptest::collection::vec((string(30), proptest::option::of(string(10))), 1..4)
            .prop_map(|list| {
                Value::Texts(
                    list.into_iter()
                        .map(|(text, range)| Text { text, range })
                        .collect(),
                )
            })
            .boxed(),
        Kind::Numbers => proptest::collection::vec(0..9_999_999_i64, 1..4)
            .prop_map(Value::Numbers)
            .boxed(),
    }
}

fn any_set() -> impl Strategy<Value = Cmcd> {
    let member = proptest::sample::select(Key::ALL).prop_flat_map(|key| (Just(key), any_value(key)));
    let custom = (
        "[a-z]{1,5}-[a-z]{1,9}",
        prop_oneof![
            "[ -~]{0,20}".prop_map(Custom::Text),
            "[A-Za-z][a-z0-9]{0,9}".prop_map(Custom::Token)
        ],
    );
    (
        proptest::collection::vec(member, 1..20),
        proptest::collection::btree_map(custom.0, custom.1, 0..3),
    )
        .prop_map(|(members, custom)| {
            let cmcd = Cmcd {
                values: members.into_iter().collect(),
                custom,
            };
            cmcd.with(Key::V, Value::Int(2))
        })
}

proptest! {
    #[test]
    fn what_was_printed_is_read_again_as_it_was(cmcd in any_set()) {
        prop_assert_eq!(&read_line(&cmcd.to_string(), Mode::Event).unwrap(), &cmcd);
        let json = serde_json::to_string(&cmcd).unwrap();
        prop_assert_eq!(serde_json::from_str::<Cmcd>(&json).unwrap(), cmcd, "{}", json);
    }

    #[test]
    fn headers_and_query_carry_all_that_requests_carry(cmcd in any_set()) {
        let mut carried = cmcd.clone();
        carried.values.retain(|key, _| key.shard() != Shard::Event || key.is_own());
        let headers = carried.to_headers();
        prop_assert_eq!(from_headers(headers.iter().map(|(_, value)| value.as_str())).unwrap(), carried.clone());
        prop_assert_eq!(from_query(&cmcd.to_query()).unwrap().unwrap(), carried);
    }

    #[test]
    fn nothing_that_is_sent_makes_a_reader_fail(body in "\\PC{0,200}", line in "[a-z0-9=,;()\" .:?-]{0,80}") {
        prop_assert!(read(&body).count() <= body.split('\n').count());
        drop(from_query(&format!("CMCD={body}")));
        drop(validate(&body));
        drop(read_line(&line, Mode::Request));
        drop(validate(&line));
    }

    #[test]
    fn a_dictionary_that_is_valid_is_read_member_by_member_as_it_is_whole(line in "([a-c]{1,2}(=(-?[0-9]{1,4}|\"[a,;\\\\]{0,3}\"|[a-z]{1,3}|\\([0-9]{1,3}(;v)?( [0-9]{1,3};a)?\\)))?(;r=\"[,a]{0,2}\")?, ?){0,4}[a-c]") {
        let whole: Result<sfv::Dictionary, _> = sfv::Parser::new(line.as_str()).with_version(sfv::Version::Rfc8941).parse();
        if let Ok(whole) = whole {
            let mut by_member = sfv::Dictionary::new();
            for (_, member) in text::members(&line) {
                by_member.extend(read::member_of(member).unwrap());
            }
            prop_assert_eq!(by_member, whole);
        }
    }
}
