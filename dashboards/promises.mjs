// What Clipper promises, as service level objectives, and what is watched beside them. generate.mjs makes rules of it.

const duration = "clipper_http_request_duration_seconds";
const playlists = 'route=~"/api/video/\\\\{clip\\\\}/(master|\\\\{quality\\\\}).m3u8"';
const segments = 'route="/api/video/{clip}/{quality}/{segment}"';
const media = 'route=~"/api/video/.*"';

const selector = (...parts) => `{${parts.filter(Boolean).join(",")}}`;

/** What share went wrong in a window. Buckets of whole numbers are written `2` by Clipper and `2.0` by Prometheus 3. */
const slower = (bucket, than, labels) => (window) =>
  `1 - sum(rate(${bucket}_bucket${selector(labels, `le=~"${than}"`)}[${window}])) / sum(rate(${bucket}_count${selector(labels)}[${window}]))`;

export const objectives = [
  { slo: "playlist", objective: 0.99, promise: "99 % of playlists begin within 500 ms", errors: slower(duration, "0.5", playlists) },
  { slo: "segment", objective: 0.99, promise: "99 % of segments begin within 100 ms", errors: slower(duration, "0.1", segments) },
  { slo: "encode", objective: 0.95, promise: "95 % of encodings end within twice the clip's duration", errors: slower("clipper_encode_time_ratio", "2(.0)?", "") },
  {
    slo: "at-hand",
    objective: 0.95,
    promise: "95 % of segments are at hand",
    // Nobody is woken because few watch, each something else.
    onlyTickets: true,
    errors: (window) =>
      `sum(rate(clipper_segment_cache_misses_total[${window}])) / (sum(rate(clipper_segment_cache_hits_total[${window}])) + sum(rate(clipper_segment_cache_misses_total[${window}])))`,
  },
  {
    slo: "available",
    objective: 0.999,
    promise: "99.9 % of media requests are not failed by Clipper",
    errors: (window) =>
      `1 - sum(rate(clipper_http_requests_total{${media},status!~"5.."}[${window}])) / sum(rate(clipper_http_requests_total{${media}}[${window}]))`,
  },
];

/**
 * Two windows each, as the Site Reliability Workbook has it: the long one says that it matters, the short one that it
 * still goes on. A budget is that of 30 days.
 */
export const burns = [
  { severity: "page", factor: 14.4, long: "1h", short: "5m", spent: "2 % within an hour" },
  { severity: "page", factor: 6, long: "6h", short: "30m", spent: "5 % within six hours" },
  { severity: "ticket", factor: 3, long: "1d", short: "2h", spent: "10 % within a day" },
  { severity: "ticket", factor: 1, long: "3d", short: "6h", spent: "10 % within three days" },
];

export const recordings = [
  { record: "clipper:http_requests:rate5m", expr: "sum by (route, status) (rate(clipper_http_requests_total[5m]))" },
  { record: "clipper:response_bytes:rate5m", expr: "sum(rate(clipper_http_response_bytes_total[5m]))" },
  { record: "clipper:viewers:sum", expr: "sum(clipper_viewers)" },
  {
    record: "clipper:rebuffering:ratio_rate5m",
    expr: "sum(rate(clipper_qoe_rebuffering_seconds_total[5m])) / (sum(rate(clipper_qoe_playing_seconds_total[5m])) + sum(rate(clipper_qoe_rebuffering_seconds_total[5m])))",
  },
  {
    record: "clipper:startup_seconds:p95_5m",
    expr: "histogram_quantile(0.95, sum by (le) (rate(clipper_qoe_startup_seconds_bucket[5m])))",
  },
  {
    record: "clipper:append_seconds:p99_5m",
    expr: "histogram_quantile(0.99, sum by (le, log) (rate(clipper_append_duration_seconds_bucket[5m])))",
  },
  // Every process tells the same of the database, so that the largest is the truth or newer than it.
  { record: "clipper:projection_lag_seconds:max", expr: "max by (projection) (clipper_projection_lag_seconds)" },
  { record: "clipper:queue_oldest_seconds:max", expr: "max by (class) (clipper_encode_queue_oldest_seconds)" },
  {
    record: "clipper:encode_failures:ratio_rate30m",
    expr: 'sum(rate(clipper_encode_attempts_total{outcome="failed"}[30m])) / sum(rate(clipper_encode_attempts_total[30m]))',
  },
];

export const alerts = [
  { alert: "ClipperDown", expr: 'up{job="clipper"} == 0', for: "1m", severity: "page", summary: "{{ $labels.instance }} does not answer" },
  {
    alert: "ClipperNotReady",
    expr: "clipper_check_ok == 0",
    for: "2m",
    severity: "page",
    summary: "{{ $labels.instance }}: {{ $labels.check }} is not well",
  },
  {
    alert: "ProjectionBehind",
    expr: "clipper:projection_lag_seconds:max > 60",
    for: "5m",
    severity: "page",
    summary: "{{ $labels.projection }} shows what was true {{ $value | humanizeDuration }} ago",
  },
  { alert: "EventsParked", expr: "max(clipper_parked_events) > 0", for: "5m", severity: "ticket", summary: "{{ $value }} events could not be applied" },
  {
    alert: "AppendsSlow",
    expr: "clipper:append_seconds:p99_5m > 0.5",
    for: "10m",
    severity: "ticket",
    summary: "A commit to the log {{ $labels.log }} takes {{ $value | humanizeDuration }}",
  },
  {
    alert: "UploadsWait",
    expr: 'clipper:queue_oldest_seconds:max{class="fresh"} > 900',
    for: "5m",
    severity: "ticket",
    summary: "The oldest upload has waited {{ $value | humanizeDuration }} for its encoding",
  },
  {
    alert: "EncodingsFail",
    expr: "clipper:encode_failures:ratio_rate30m > 0.25",
    for: "10m",
    severity: "ticket",
    summary: "{{ $value | humanizePercentage }} of the attempts to encode fail",
  },
  {
    alert: "WorkersLoseLeases",
    expr: "sum(increase(clipper_leases_expired_total[1h])) > 3",
    for: "0m",
    severity: "ticket",
    summary: "{{ $value }} leases were lost under work within an hour",
  },
  {
    alert: "ActorsRestart",
    expr: "sum by (actor) (increase(clipper_actor_restarts_total[1h])) > 3",
    for: "0m",
    severity: "ticket",
    summary: "{{ $labels.actor }} was replaced {{ $value }} times within an hour",
  },
  {
    alert: "ThumbnailsFail",
    expr: "sum(increase(clipper_thumbnails_failed_total[1h])) > 0",
    for: "0m",
    severity: "ticket",
    summary: "{{ $value }} clips came out without still pictures",
  },
  {
    alert: "ViewersWait",
    expr: "clipper:rebuffering:ratio_rate5m > 0.02",
    for: "15m",
    severity: "ticket",
    summary: "Viewers wait {{ $value | humanizePercentage }} of their time",
  },
  {
    alert: "PlaybackFails",
    expr: "sum(rate(clipper_qoe_sessions_failed_total[30m])) / sum(rate(clipper_qoe_sessions_started_total[30m])) > 0.05",
    for: "15m",
    severity: "ticket",
    summary: "{{ $value | humanizePercentage }} of the sessions end with an error",
  },
  {
    alert: "ClientsLimited",
    expr: "sum by (kind) (rate(clipper_rate_limited_total[5m])) > 10",
    for: "15m",
    severity: "ticket",
    summary: "{{ $value }} requests per second are refused ({{ $labels.kind }})",
  },
  {
    alert: "DiskFilling",
    expr: "clipper_disk_free_bytes / clipper_disk_size_bytes < 0.1",
    for: "10m",
    severity: "ticket",
    summary: "{{ $labels.instance }} has {{ $value | humanizePercentage }} of its disk left",
  },
  {
    alert: "DiskFull",
    expr: "clipper_disk_free_bytes / clipper_disk_size_bytes < 0.03",
    for: "2m",
    severity: "page",
    summary: "{{ $labels.instance }} has {{ $value | humanizePercentage }} of its disk left",
  },
  {
    alert: "FilesRunOut",
    expr: "process_open_fds / process_max_fds > 0.8",
    for: "10m",
    severity: "ticket",
    summary: "{{ $labels.instance }} has {{ $value | humanizePercentage }} of the files open that it may have",
  },
];
