//! What a clip's page says of it to those who do not run scripts: search engines, and what unfolds links in chats.

use std::fmt::Write;

use clipper_projections::clips::ClipRow;

/// The box that a player has in somebody else's page, unless that page has less room.
pub(in crate::http) const BOX: (i64, i64) = (640, 360);

/// Open Graph, a player card, and where the oEmbed answer is. `origin` is where this server was asked at.
pub(super) fn of_clip(clip: &ClipRow, origin: &str) -> String {
    let origin = escape(origin);
    let (title, slug) = (escape(&clip.title), escape(&clip.slug));
    let (width, height) = player_box(clip, BOX);
    let page = format!("{origin}/watch/{slug}");
    let embed = format!("{origin}/embed/{slug}");
    let mut head = format!("<title>{title} · Clipper</title>");
    for (name, content) in [
        ("og:type", "video.other"),
        ("og:site_name", "Clipper"),
        ("og:title", &title),
        ("og:url", &page),
        ("og:video", &embed),
        ("og:video:type", "text/html"),
        ("og:video:width", &width.to_string()),
        ("og:video:height", &height.to_string()),
    ] {
        let _infallible = write!(head, r#"<meta property="{name}" content="{content}">"#);
    }
    if let Some(poster) = clip.poster_url.as_deref().map(escape) {
        let _infallible = write!(
            head,
            r#"<meta property="og:image" content="{origin}{poster}"><meta name="twitter:image" content="{origin}{poster}">"#
        );
    }
    for (name, content) in [
        ("twitter:card", "player"),
        ("twitter:title", &title),
        ("twitter:player", &embed),
        ("twitter:player:width", &width.to_string()),
        ("twitter:player:height", &height.to_string()),
    ] {
        let _infallible = write!(head, r#"<meta name="{name}" content="{content}">"#);
    }
    let _infallible = write!(
        head,
        r#"<link rel="alternate" type="application/json+oembed" href="{origin}/api/oembed?url={page}" title="{title}">"#
    );
    head
}

/// The largest box of the clip's shape that fits.
pub(in crate::http) fn player_box(clip: &ClipRow, (width, height): (i64, i64)) -> (i64, i64) {
    let (Some(wide), Some(high)) = (clip.width, clip.height) else {
        return (width, height);
    };
    if wide <= 0 || high <= 0 {
        (width, height)
    } else if width * high <= height * wide {
        (width, (width * high / wide).max(1))
    } else {
        ((height * wide / high).max(1), height)
    }
}

/// For text and for quoted attributes.
pub(in crate::http) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
