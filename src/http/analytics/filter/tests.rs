use super::*;

fn read(query: &str) -> Result<Filter, Problem> {
    let now = "2026-11-28T12:00:00Z".parse().unwrap();
    let mut parameters = Parameters::read(query)?;
    let filter = Filter::read(&mut parameters, now)?;
    parameters.finish()?;
    Ok(filter)
}

fn range(query: &str) -> (String, String) {
    let Selection { from, to, .. } = read(query).unwrap().selection;
    (
        from.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        to.to_rfc3339_opts(SecondsFormat::AutoSi, true),
    )
}

fn is(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

#[test]
fn a_time_is_an_instant_a_date_or_a_distance_from_now() {
    assert_eq!(range(""), is("2026-11-27T12:00:00Z", "2026-11-28T12:00:00Z"));
    assert_eq!(
        range("from=-7d&to=-90m"),
        is("2026-11-21T12:00:00Z", "2026-11-28T10:30:00Z")
    );
    assert_eq!(
        range("from=2026-11-01T10:00:00.125%2B01:00&to=now"),
        is("2026-11-01T09:00:00.125Z", "2026-11-28T12:00:00Z")
    );
    assert_eq!(
        range("from=2026-11-01T10:00:00+01:00"),
        is("2026-11-01T09:00:00Z", "2026-11-28T12:00:00Z")
    );
    // Without `from`, it is the day before `to`.
    assert_eq!(
        range("to=2026-11-02T00:00:00Z"),
        is("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z")
    );
}

#[test]
fn dates_are_days_of_the_zone_and_the_last_one_is_whole() {
    assert_eq!(
        range("from=2026-10-25&to=2026-10-25&tz=Europe/Berlin"),
        is("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")
    );
    // Clocks were put forward at midnight.
    assert_eq!(
        range("from=2018-11-04&to=2018-11-04&tz=America/Sao_Paulo"),
        is("2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z")
    );
}

#[test]
fn names_are_read_as_tables_hold_them() {
    let query = "quality=4k&country=de&device=TV&player=hls.js&os=unknown&host=cdn.example";
    let selection = read(query).unwrap().selection;
    let of = |text: &Option<String>| text.clone().unwrap();
    assert_eq!(of(&selection.quality), "4K");
    assert_eq!(of(&selection.country), "DE");
    assert_eq!(of(&selection.device), "tv");
    assert_eq!(of(&selection.player), "hls.js");
    assert_eq!(of(&selection.os), "");
    assert_eq!(of(&selection.host), "cdn.example");
    assert_eq!(of(&read("quality=Audio").unwrap().selection.quality), "Audio");
}

#[test]
fn what_is_not_understood_is_refused_by_its_name() {
    for (query, parameter) in [
        ("form=-7d", "form"),
        ("from=-7d&from=-8d", "from"),
        ("from=yesterday", "from"),
        ("from=-d", "from"),
        ("from=-%2B1d", "from"),
        ("from=-99999999999999999999d", "from"),
        ("from=-9999999999w", "from"),
        ("from=1969-12-31", "from"),
        ("from=now", "from"),
        ("to=2026-13-01", "to"),
        ("to=9999-12-31", "to"),
        ("tz=Mars", "tz"),
        ("quality=", "quality"),
        ("country=DEU", "country"),
        ("country=%C3%A9", "country"),
        ("device=toaster", "device"),
        ("player=%00", "player"),
        ("os=", "os"),
        ("host=%0A", "host"),
    ] {
        let problem = read(query).unwrap_err();
        assert_eq!(problem.code(), Code::InvalidParameter, "{query}");
        let names = format!("`{parameter}`");
        assert!(problem.to_string().contains(&names), "{query}: {problem}");
    }
}
