//! The examples of CTA-5004-B §8: sixteen sets of request mode, each as raw keys, as a query and as headers, and the
//! nineteen bodies of event mode, the batch of them among these.

use super::text::encode;
use super::*;

/// What a request carries: its section, its raw keys, and what travels in the headers.
struct Example {
    section: &'static str,
    raw: &'static str,
    headers: &'static [(&'static str, &'static str)],
}

const REQUEST: &str = "cmcd-request";
const OBJECT: &str = "cmcd-object";
const STATUS: &str = "cmcd-status";
const SESSION: &str = "cmcd-session";

const fn example(
    section: &'static str,
    raw: &'static str,
    headers: &'static [(&'static str, &'static str)],
) -> Example {
    Example {
        section,
        raw,
        headers,
    }
}

const REQUESTS: [Example; 16] = [
    example(
        "8.1.1",
        r#"bl=(2000),br=(3000;v),cid="content-id-123",d=4000,dl=1000,mtp=(15000),nor=("next-seg.mp4"),ot=v,rtp=12000,sf=d,sid="session-id-123",st=v,sta=p,tb=(6000;v),v=2"#,
        &[
            (
                REQUEST,
                r#"bl=(2000),dl=1000,mtp=(15000),nor=("next-seg.mp4"),sta=p"#,
            ),
            (OBJECT, "br=(3000;v),d=4000,ot=v,tb=(6000;v)"),
            (STATUS, "rtp=12000"),
            (
                SESSION,
                r#"cid="content-id-123",sf=d,sid="session-id-123",st=v,v=2"#,
            ),
        ],
    ),
    example(
        "8.1.2",
        r#"bl=(2000),br=(320),cid="content-id-123",d=2000,mtp=(15000),ot=a,sid="session-id-123",st=v,v=2"#,
        &[
            (REQUEST, "bl=(2000),mtp=(15000)"),
            (OBJECT, "br=(320),d=2000,ot=a"),
            (SESSION, r#"cid="content-id-123",sid="session-id-123",st=v,v=2"#),
        ],
    ),
    example(
        "8.1.3",
        r#"cid="content-id-123",sid="session-id-123",v=2"#,
        &[(SESSION, r#"cid="content-id-123",sid="session-id-123",v=2"#)],
    ),
    example(
        "8.1.4 playlist",
        r#"cid="content-id-123",ot=m,sf=d,sid="session-id-123",st=v,su,v=2"#,
        &[
            (REQUEST, "su"),
            (OBJECT, "ot=m"),
            (
                SESSION,
                r#"cid="content-id-123",sf=d,sid="session-id-123",st=v,v=2"#,
            ),
        ],
    ),
    example(
        "8.1.4 initialisation",
        r#"bl=(0),br=(3000;v),cid="content-id-123",mtp=(15000),nor=("seg-1.m4v" "seg-2.m4v"),ot=i,sid="session-id-123",st=v,sta=s,su,v=2"#,
        &[
            (
                REQUEST,
                r#"bl=(0),mtp=(15000),nor=("seg-1.m4v" "seg-2.m4v"),sta=s,su"#,
            ),
            (OBJECT, "br=(3000;v),ot=i"),
            (SESSION, r#"cid="content-id-123",sid="session-id-123",st=v,v=2"#),
        ],
    ),
    example(
        "8.1.4 first segment",
        r#"bl=(0),br=(3000;v),cid="content-id-123",d=4000,mtp=(15000),nor=("seg-2.m4v" "seg-3.m4v"),ot=v,sid="session-id-123",st=v,sta=s,su,v=2"#,
        &[
            (
                REQUEST,
                r#"bl=(0),mtp=(15000),nor=("seg-2.m4v" "seg-3.m4v"),sta=s,su"#,
            ),
            (OBJECT, "br=(3000;v),d=4000,ot=v"),
            (SESSION, r#"cid="content-id-123",sid="session-id-123",st=v,v=2"#),
        ],
    ),
    example(
        "8.1.4 second segment",
        r#"bl=(4000),br=(3000;v),cid="content-id-123",d=4000,msd=200,mtp=(15000),nor=("seg-3.m4v" "seg-4.m4v"),ot=v,sid="session-id-123",st=v,sta=p,v=2"#,
        &[
            (
                REQUEST,
                r#"bl=(4000),mtp=(15000),nor=("seg-3.m4v" "seg-4.m4v"),sta=p"#,
            ),
            (OBJECT, "br=(3000;v),d=4000,ot=v"),
            (
                SESSION,
                r#"cid="content-id-123",msd=200,sid="session-id-123",st=v,v=2"#,
            ),
        ],
    ),
    example(
        "8.1.5 recoverable",
        r#"cid="content-id-123",ec=("CODEC_NOT_SUPPORTED"),sid="session-id-123",sta=p,v=2"#,
        &[
            (REQUEST, "sta=p"),
            (STATUS, r#"ec=("CODEC_NOT_SUPPORTED")"#),
            (SESSION, r#"cid="content-id-123",sid="session-id-123",v=2"#),
        ],
    ),
    example(
        "8.1.5 fatal",
        r#"cid="content-id-123",ec=("DRM_NOT_SUPPORTED" "PLAYBACK_FAILED"),sid="session-id-123",sta=f,v=2"#,
        &[
            (REQUEST, "sta=f"),
            (STATUS, r#"ec=("DRM_NOT_SUPPORTED" "PLAYBACK_FAILED")"#),
            (SESSION, r#"cid="content-id-123",sid="session-id-123",v=2"#),
        ],
    ),
    example(
        "8.1.6 least",
        r#"bl=(0),bs,cid="content-id-123",ot=v,sid="session-id-123",sta=r,v=2"#,
        &[
            (REQUEST, "bl=(0),sta=r"),
            (OBJECT, "ot=v"),
            (STATUS, "bs"),
            (SESSION, r#"cid="content-id-123",sid="session-id-123",v=2"#),
        ],
    ),
    example(
        "8.1.6 by type",
        r#"bl=(0;v 2000;a),bs,cid="content-id-123",ot=v,sid="session-id-123",sta=r,v=2"#,
        &[
            (REQUEST, "bl=(0;v 2000;a),sta=r"),
            (OBJECT, "ot=v"),
            (STATUS, "bs"),
            (SESSION, r#"cid="content-id-123",sid="session-id-123",v=2"#),
        ],
    ),
    example(
        "8.1.7 content",
        r#"cid="movie-123",ot=v,sid="session-common-1",v=2"#,
        &[
            (OBJECT, "ot=v"),
            (SESSION, r#"cid="movie-123",sid="session-common-1",v=2"#),
        ],
    ),
    example(
        "8.1.7 advertisement",
        r#"cid="ad-555",nr,ot=v,sid="session-common-1",v=2"#,
        &[
            (OBJECT, "ot=v"),
            (STATUS, "nr"),
            (SESSION, r#"cid="ad-555",sid="session-common-1",v=2"#),
        ],
    ),
    example(
        "8.1.7 content hidden",
        r#"cid="movie-123",nr,ot=v,sid="session-common-1",v=2"#,
        &[
            (OBJECT, "ot=v"),
            (STATUS, "nr"),
            (SESSION, r#"cid="movie-123",sid="session-common-1",v=2"#),
        ],
    ),
    example(
        "8.1.7 advertisement shown",
        r#"cid="ad-555",ot=v,sid="session-common-1",v=2"#,
        &[
            (OBJECT, "ot=v"),
            (SESSION, r#"cid="ad-555",sid="session-common-1",v=2"#),
        ],
    ),
    example(
        "8.1.8",
        r#"bg,bl=(2100;v 1800;a),br=(3000;v 164;a),bs,bsa=(3;v),bsd=(1200;v 100;a),bsda=(4150;v 300;a),cid="content-id-123",cs="g48djn236sk2",d=4000,dfa=32,dl=1000,ec=("2001"),lb=(500;v 32;a),ltc=13500,msd=1700,mtp=(15000;v 6000;a),nor=("next-seg.mp4"),nr,ot=v,pb=(2000;v 164;a),pr=1.1,pt=632782,rtp=12000,sf=d,sid="session-id-123",sn=129,st=l,sta=p,su,tb=(6000;v 350;a),tbl=(2000;v 2000;a),tpb=(5000;v 164;a),v=2"#,
        &[
            (
                REQUEST,
                r#"bl=(2100;v 1800;a),cs="g48djn236sk2",dfa=32,dl=1000,ltc=13500,mtp=(15000;v 6000;a),nor=("next-seg.mp4"),pb=(2000;v 164;a),sn=129,sta=p,su,tbl=(2000;v 2000;a)"#,
            ),
            (
                OBJECT,
                "br=(3000;v 164;a),d=4000,lb=(500;v 32;a),ot=v,tb=(6000;v 350;a),tpb=(5000;v 164;a)",
            ),
            (
                STATUS,
                r#"bg,bs,bsa=(3;v),bsd=(1200;v 100;a),bsda=(4150;v 300;a),ec=("2001"),nr,pr=1.1,pt=632782,rtp=12000"#,
            ),
            (
                SESSION,
                r#"cid="content-id-123",msd=1700,sf=d,sid="session-id-123",st=l,v=2"#,
            ),
        ],
    ),
];

/// The reports of 8.2.2, which 8.3 sends as one body.
const INTERVALS: [&str; 7] = [
    r#"bl=(0),cid="content-id-123",e=t,h="example.com",pt=0,sid="session-id-123",sn=1,sta=s,su,ts=1764752400000,v=2"#,
    r#"bl=(6000),br=(4200;v 256;a),cid="content-id-123",e=t,h="example.com",lb=(523;v 64;a),msd=812,mtp=(87000;v 49000;a),pb=(4200;v 256;a),pt=29188,sf=d,sid="session-id-123",sn=2,st=v,sta=p,tb=(4200;v 256;a),tpb=(4200;v 256;a),ts=1764752430000,v=2"#,
    r#"bl=(3200),br=(4200;v 256;a),bs,bsd=(720;v),cid="content-id-123",e=t,ec=("MEDIA_ERR_NETWORK"),h="example.com",lb=(523;v 64;a),mtp=(89000;v 52000;a),pb=(4200;v 256;a),pt=59188,sf=d,sid="session-id-123",sn=3,st=v,sta=p,tb=(4200;v 256;a),tpb=(4200;v 256;a),ts=1764752460000,v=2"#,
    r#"bl=(6000),br=(4200;v 256;a),cid="content-id-123",e=t,h="example.com",lb=(523;v 64;a),mtp=(81000;v 55000;a),pb=(4200;v 256;a),pt=89188,sf=d,sid="session-id-123",sn=4,st=v,sta=p,tb=(4200;v 256;a),tpb=(4200;v 256;a),ts=1764752490000,v=2"#,
    r#"bl=(0),br=(4200;v 256;a),cid="content-id-123",e=t,h="example.com",lb=(523;v 64;a),mtp=(82000;v 55000;a),pb=(4200;v 256;a),pr=0,pt=111000, sf=d, sid="session-id-123",sn=5,st=v,sta=e,tb=(4200;v 256;a),tpb=(4200;v 256;a),ts=1764752520000,v=2"#,
    r#"bl=(0),br=(4200;v 256;a),cid="content-id-123",e=t,h="example.com",lb=(523;v 64;a),mtp=(82000;v 52000;a),pb=(4200;v 256;a),pr=0,pt=111000, sf=d, sid="session-id-123",sn=6,st=v,sta=e,tb=(4200;v 256;a),tpb=(4200;v 256;a),ts=1764752550000,v=2"#,
    r#"bl=(0),br=(4200;v 256;a),cid="content-id-123",e=t,h="example.com",lb=(523;v 64;a),mtp=(82000;v 52000;a),pb=(4200;v 256;a),pr=0,pt=111000, sf=d, sid="session-id-123",sn=7,st=v,sta=e,tb=(4200;v 256;a),tpb=(4200;v 256;a),ts=1764752580000,v=2"#,
];

/// The other bodies, each of one report.
const EVENTS: [(&str, &str); 12] = [
    ("8.2.1", "e=t,ts=1764752400000,v=2"),
    (
        "8.2.3",
        r#"cid="bbb",cmsdd="ZXRwPTEyNTAwO3J0dD0zNTttYj02MDAwO3JkPTIwMA==",cmsds="c2lkPSI5YTNiLTIxY2QiO2JyPTQ1MDA7ZD00MDAwO290PXY7c3Q9dg==",e=rr,nor=("video/segment-6.m4v"),ot=v,rc=200,sid="session1",ts=1763657019723,ttfb=180,ttlb=200,url="video/segment-5.m4v",v=2"#,
    ),
    (
        "8.2.4",
        r#"cid="content-id-123",e=e,ec=("CODEC_NOT_SUPPORTED"),sid="session-id-123",ts=1764269150213,v=2"#,
    ),
    (
        "8.2.5 begins",
        r#"cid="content-id-123",e=ps,sid="session-id-123",sta=r,ts=1764269150889,v=2"#,
    ),
    (
        "8.2.5 ends",
        r#"bs,bsd=(1500),cid="content-id-123",e=ps,sid="session-id-123",sta=p,ts=1764269150112,v=2"#,
    ),
    (
        "8.2.6",
        r#"bl=(0),cid="content-id-123",e=ps,pt=30000,sid="session-id-123",sta=k,ts=1764269150529,v=2"#,
    ),
    (
        "8.2.7",
        r#"cid="ad-content-555",e=sk,sid="session-id-123",ts=1764269150076,v=2"#,
    ),
    (
        "8.2.8 break begins",
        r#"cid="movie-123",e=abs,nr,sid="session-id-123",ts=1764269150186,v=2"#,
    ),
    (
        "8.2.8 begins",
        r#"cid="ad-001",e=as,sid="session-id-123",ts=1764269150934,v=2"#,
    ),
    (
        "8.2.8 ends",
        r#"cid="ad-001",e=ae,nr,sid="session-id-123",ts=1764269170901,v=2"#,
    ),
    (
        "8.2.8 break ends",
        r#"cid="movie-123",e=abe,sid="session-id-123",ts=1764269170331,v=2"#,
    ),
    (
        "8.2.9",
        r#"bg,bl=(2100;v 1800;a),br=(3000;v 164;a),bs,bsa=(3;v 1;a),bsd=(1200;v 100;a),bsda=(4150;v 350;a),cid="content-id-123",cmsdd="IkNETkItM2FrMSI7ZXRwPTk2O3J0dD04",cmsds="b3Q9dixzZj1oLHN0PXYsZD01MDAwLGJyPTIwMDA=",cs="g48djn236sk2",d=4000,dfa=32,dl=1000,e=rr,ec=("2001"),h="example.com",lb=(500;v 32;a) ,ltc=13500,msd=1700, mtp=(15000;v 6000;a), nor=("next-seg.mp4"),nr,ot=v, pb=(2000;v 164;a),pr=1.1, pt=632782,rc=200,rtp=12000,sf=d,sid="session-id-123",smrt="KCk7bj1PcmlnaW5BO3N5biwgKCk7bj1PcmlnaW5CO3Q9MTcwMDAwMDAwMTAwNjtmYj0zLCAoIDE7dD0xNzAwMDAwMDAxMDA1O2ZiPTEzO2xiPTE4IDA7dD0xNzAwMDAwMDAwMDAzO2M9MTAwMCApO249SW50ZXJtZWRpYXJ5O3Q9MTcwMDAwMDAwMDAwMjtmYj0xMDIy",sn=129,st=l,sta=p,su,tb=(6000;v 350;a),tbl=(2000;v 2000;a),tpb=(5000;v 164;a),ts=1764677101751, ttfb=512,ttfbb=632,ttlb=4018,url="https://example.com/videosegment32.mp4",v=2"#,
    ),
];

/// The members of a set, where the order of keys, and of numbers that say what they are of, tells nothing. No string of
/// the examples has a comma or a bracket in it.
fn members(set: &str) -> Vec<String> {
    let one = |member: &str| match member.trim().split_once("=(") {
        Some((key, list)) if list.contains(';') => {
            let mut items: Vec<_> = list.trim_end_matches(')').split(' ').collect();
            items.sort_unstable();
            format!("{key}=({})", items.join(" "))
        }
        // A decimal that is whole.
        _ if member.trim() == "pr=0" => "pr=0.0".to_owned(),
        _ => member.trim().to_owned(),
    };
    let mut members: Vec<_> = set.split(',').map(one).collect();
    members.sort_unstable();
    members
}

#[test]
fn the_three_forms_of_a_request_say_the_same_and_come_out_as_they_went_in() {
    for Example {
        section,
        raw,
        headers,
    } in &REQUESTS
    {
        let read = read_line(raw, Mode::Request).unwrap();
        assert_eq!(members(&read.to_string()), members(raw), "{section}");
        let query = format!("CMCD={}", encode(raw));
        assert!(!query.contains(['"', '(', ' ']), "{section}");
        assert_eq!(from_query(&query), Some(Ok(read.clone())), "{section}");
        assert_eq!(
            from_headers(headers.iter().map(|(_, value)| *value)),
            Ok(read.clone()),
            "{section}"
        );
        let sorted = |headers: Vec<(&'static str, String)>| {
            let mut headers: Vec<_> = headers
                .into_iter()
                .map(|(name, value)| (name, members(&value)))
                .collect();
            headers.sort_unstable();
            headers
        };
        let expected = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        assert_eq!(sorted(read.to_headers()), sorted(expected), "{section}");
    }
}

#[test]
fn the_bodies_of_event_mode_come_out_as_they_went_in_and_are_valid() {
    let intervals = INTERVALS.map(|body| ("8.2.2", body));
    for (section, body) in intervals.into_iter().chain(EVENTS) {
        let read = read_line(body, Mode::Event).unwrap();
        assert_eq!(members(&read.to_string()), members(body), "{section}");
        let errors: Vec<_> = validate(body)
            .into_iter()
            .filter(|issue| issue.severity == Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{section}: {errors:?}");
    }
}

#[test]
fn the_batch_is_its_reports() {
    let batch = INTERVALS.join("\n");
    let read: Vec<_> = read(&batch).map(|(_, _, outcome)| outcome.unwrap()).collect();
    let each = INTERVALS.map(|body| read_line(body, Mode::Event).unwrap());
    assert_eq!(read, each);
    let printed = print_events(&read);
    assert!(
        printed
            .lines()
            .zip(INTERVALS)
            .all(|(line, body)| members(line) == members(body))
    );
}
