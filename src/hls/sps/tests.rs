use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap();
    let (pairs, _) = text.as_bytes().as_chunks();
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(high) << 4 | digit(low)).unwrap())
        .collect()
}

/// Parameter sets as x264 writes them.
fn parse(text: &str) -> PictureFacts {
    parse_sps(&hex(text)).unwrap()
}

#[test]
fn a_high_profile_720p_set_is_read() {
    let sps = parse("6764001facd9405005bb011000000300100000030300f1831960");
    assert_eq!((sps.width, sps.height), (1280, 720));
    assert_eq!(sps.codec(), "avc1.64001f");
    assert_eq!(
        (sps.chroma_format_idc, sps.bit_depth, sps.progressive),
        (1, 8, true)
    );
    assert_eq!((sps.sample_aspect, sps.transfer), (Some((1, 1)), None));
}

#[test]
fn a_main_profile_set_with_cropping_and_colours_is_read() {
    let sps = parse("674d401eeca06c1ef37ff828002808800000030080000018078b16cb");
    assert_eq!((sps.coded_width, sps.coded_height), (864, 480));
    assert_eq!((sps.width, sps.height), (854, 480));
    assert_eq!(sps.codec(), "avc1.4d401e");
    assert_eq!(sps.sample_aspect, Some((1280, 1281)));
}

#[test]
fn an_anamorphic_set_and_its_colours_are_read() {
    let sps = parse("6764000dacd94160879fffc010000cc4000003000400000300e03c50a658");
    assert_eq!((sps.width, sps.height), (340, 256));
    assert_eq!(sps.sample_aspect, Some((64, 51)));
    assert_eq!(
        parse("6764001facd9405005bb016a020202800001f480007530078c18cb").transfer,
        Some(1)
    );
}

#[test]
fn a_set_that_ends_early_is_none() {
    let whole = hex("6764001facd9405005bb011000000300100000030300f1831960");
    assert!((0..12).all(|length| parse_sps(&whole[..length]).is_none()));
}
