//! Clips that have no HLS yet and could have it: what a backfill goes through.

use crate::Query;

/// Which clips come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Those with the most views.
    Popular,
    /// Those that were made last.
    Newest,
    /// Those that were made first.
    Oldest,
}

/// A clip that lacks HLS.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct LackingRow {
    /// The clip's UUID as text.
    pub id: String,
    /// Its readable name.
    pub slug: String,
    /// Bytes of its source, if it is here.
    pub source_bytes: Option<i64>,
    /// Where its source can be had, if it is not.
    pub source_url: Option<String>,
    /// Seconds, where a probe has found out.
    pub duration: Option<f64>,
}

macro_rules! select_lacking {
    ($order:literal) => {
        concat!(
            "SELECT CAST(id AS TEXT) AS id, slug, source_bytes, source_url, duration FROM clips \
             WHERE deleted_at IS NULL AND NOT hls_available AND hls_processing_status <> 'processing' \
             AND (failure_class IS NULL OR failure_class <> 'content') \
             AND (source_bytes IS NOT NULL OR source_url IS NOT NULL) ORDER BY ",
            $order,
            " LIMIT $1"
        )
    };
}

/// Clips without HLS that have a source or an address of one. Those are left out that are under way, and those whose
/// content was found to be at fault.
pub fn lacking(order: Order, limit: i64) -> Query<LackingRow> {
    let sql = match order {
        Order::Popular => select_lacking!("views DESC, created_at DESC, position"),
        Order::Newest => select_lacking!("created_at DESC, position"),
        Order::Oldest => select_lacking!("created_at, position"),
    };
    Query::new(sql, vec![limit.into()])
}

/// What clips that play have come to.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct MadeRow {
    /// How many they are.
    pub clips: i64,
    /// Their seconds.
    pub seconds: f64,
    /// Bytes of all their renditions.
    pub bytes: i64,
}

/// What clips that play have come to, to reckon with.
pub fn made() -> Query<MadeRow> {
    Query::new(
        "SELECT CAST(count(*) AS BIGINT) AS clips, CAST(COALESCE(sum(c.duration), 0) AS DOUBLE PRECISION) AS seconds, \
         CAST(COALESCE(sum(v.bytes), 0) AS BIGINT) AS bytes FROM clips c \
         JOIN (SELECT clip_id, sum(file_size) AS bytes FROM video_variants WHERE NOT growing GROUP BY clip_id) v \
         ON v.clip_id = c.id WHERE c.hls_available AND c.duration > 0",
        vec![],
    )
}

/// A clip whose encoding is through.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct EncodedRow {
    /// The clip's UUID as text.
    pub id: String,
    /// Seconds.
    pub duration: f64,
}

/// Those that were encoded last.
pub fn encoded_lately(limit: i64) -> Query<EncodedRow> {
    Query::new(
        "SELECT CAST(id AS TEXT) AS id, duration FROM clips WHERE hls_available AND duration > 0 \
         AND encoding_state IN ('completed', 'partial') ORDER BY hls_processed_at DESC LIMIT $1",
        vec![limit.into()],
    )
}
