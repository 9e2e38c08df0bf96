// The dashboards: what each panel asks. generate.mjs makes Grafana's JSON of it.

const one = 'instance=~"$instance"';
const rate = (name, labels = "") => `rate(${name}{${one}${labels && `,${labels}`}}[$__rate_interval])`;
const quantile = (q, name, by = "", labels = "") =>
  `histogram_quantile(${q}, sum by (le${by && `, ${by}`}) (${rate(`${name}_bucket`, labels)}))`;
/** The usual three of a histogram. */
const quantiles = (name, labels = "") => [
  { expr: quantile(0.5, name, "", labels), legend: "half" },
  { expr: quantile(0.95, name, "", labels), legend: "95 %" },
  { expr: quantile(0.99, name, "", labels), legend: "99 %" },
];
const playlists = 'route=~"/api/video/\\\\{clip\\\\}/(master|\\\\{quality\\\\}).m3u8"';
const segments = 'route="/api/video/{clip}/{quality}/{segment}"';
const burnt = { expr: "1 - clipper:slo_errors:ratio_rate3d / on (slo) (1 - clipper:slo_objective:ratio)", legend: "{{slo}}" };

const stat = (title, unit, targets, note) => ({ type: "stat", title, unit, targets: [targets].flat(), note, width: 6, height: 4 });
const graph = (title, unit, targets, note) => ({ type: "timeseries", title, unit, targets: [targets].flat(), note, width: 12, height: 8 });

export const boards = [
  {
    uid: "clipper-viewers",
    title: "Clipper: viewers",
    about: "Who watches, and how well it plays, from what players report to each process.",
    panels: [
      stat("Viewers now", "short", { expr: `sum(clipper_viewers{${one}})` }, "Sessions that reported within the last 75 s and have not ended."),
      stat("Waiting for more", "percentunit", { expr: "clipper:rebuffering:ratio_rate5m" }, "Of the time watched, within five minutes."),
      stat("First picture, 95 %", "s", { expr: "clipper:startup_seconds:p95_5m" }),
      stat("Sessions that fail", "percentunit", { expr: `sum(${rate("clipper_qoe_sessions_failed_total")}) / sum(${rate("clipper_qoe_sessions_started_total")})` }),
      graph("Viewers", "short", { expr: `sum by (instance) (clipper_viewers{${one}})`, legend: "{{instance}}" }),
      graph("Sessions begun", "reqps", { expr: `sum(${rate("clipper_qoe_sessions_started_total")})`, legend: "per second" }),
      graph("From the wish to play to the first picture", "s", quantiles("clipper_qoe_startup_seconds")),
      graph("Share of a session spent waiting, at its end", "percentunit", quantiles("clipper_qoe_rebuffer_ratio")),
      graph("Watched at once, by time", "short", { expr: `sum(${rate("clipper_qoe_playing_seconds_total")})`, legend: "playing" }, "Seconds watched per second."),
      graph("Stalls and switches per minute watched", "short", [
        { expr: `60 * sum(${rate("clipper_qoe_stalls_total")}) / sum(${rate("clipper_qoe_playing_seconds_total")})`, legend: "stalls" },
        { expr: `60 * sum(${rate("clipper_qoe_switches_total")}) / sum(${rate("clipper_qoe_playing_seconds_total")})`, legend: "switches" },
      ]),
      graph("Records of players", "reqps", ["accepted", "duplicate", "rejected"].map((kind) => ({ expr: `sum(${rate(`clipper_reports_${kind}_total`)})`, legend: kind }))),
    ],
  },
  {
    uid: "clipper-delivery",
    title: "Clipper: delivery",
    about: "Playlists and segments on their way to viewers, beside what is promised.",
    panels: [
      stat("Segments at hand", "percentunit", { expr: '1 - clipper:slo_errors:ratio_rate5m{slo="at-hand"}' }, "Promised: 95 %."),
      stat("Playlists in time", "percentunit", { expr: '1 - clipper:slo_errors:ratio_rate5m{slo="playlist"}' }, "Within 500 ms; promised: 99 %."),
      stat("Segments in time", "percentunit", { expr: '1 - clipper:slo_errors:ratio_rate5m{slo="segment"}' }, "Within 100 ms; promised: 99 %."),
      stat("Sent", "Bps", { expr: "clipper:response_bytes:rate5m" }),
      graph("Budget left of three days", "percentunit", burnt, "1: nothing was spent; 0: as much as is allowed; below: more."),
      graph("Burning", "short", { expr: "clipper:slo_errors:ratio_rate1h / on (slo) (1 - clipper:slo_objective:ratio)", legend: "{{slo}}" }, "Times the rate that uses the budget up exactly, within an hour."),
      graph("Requests by route", "reqps", { expr: `sum by (route) (${rate("clipper_http_requests_total")})`, legend: "{{route}}" }),
      graph("Requests by status", "reqps", { expr: `sum by (status) (${rate("clipper_http_requests_total")})`, legend: "{{status}}" }),
      graph("Time to the head of a playlist", "s", quantiles("clipper_http_request_duration_seconds", playlists)),
      graph("Time to the head of a segment", "s", quantiles("clipper_http_request_duration_seconds", segments)),
      graph("Bytes by route", "Bps", { expr: `sum by (route) (${rate("clipper_http_response_bytes_total")})`, legend: "{{route}}" }),
      graph("Slowest routes, 99 %", "s", { expr: `topk(10, ${quantile(0.99, "clipper_http_request_duration_seconds", "route")})`, legend: "{{route}}" }),
      graph("Segments", "reqps", [
        { expr: `sum(${rate("clipper_segment_cache_hits_total")})`, legend: "at hand" },
        { expr: `sum(${rate("clipper_segment_cache_misses_total")})`, legend: "opened or read" },
      ]),
      graph("Refused for coming too often", "reqps", { expr: `sum by (kind) (${rate("clipper_rate_limited_total")})`, legend: "{{kind}}" }),
    ],
  },
  {
    uid: "clipper-encoding",
    title: "Clipper: encoding",
    about: "From the upload to the last rendition: the queue, the workers, and what they make.",
    panels: [
      stat("Clips waiting", "short", { expr: "sum(max by (class) (clipper_encode_queue_depth))" }),
      stat("Oldest upload", "s", { expr: 'clipper:queue_oldest_seconds:max{class="fresh"}' }),
      stat("Within twice the duration", "percentunit", { expr: '1 - clipper:slo_errors:ratio_rate1h{slo="encode"}' }, "Of the encodings within an hour; promised: 95 %."),
      stat("Attempts that fail", "percentunit", { expr: "clipper:encode_failures:ratio_rate30m" }),
      graph("Units of work", "short", { expr: "max by (class, state) (clipper_encode_queue_units)", legend: "{{class}}, {{state}}" }),
      graph("Oldest encoding by class", "s", { expr: "clipper:queue_oldest_seconds:max", legend: "{{class}}" }),
      graph("From the request to the first segment", "s", quantiles("clipper_time_to_playable_seconds")),
      graph("From the request to the last rendition, in durations", "short", quantiles("clipper_encode_time_ratio")),
      graph("Speed, half of the ranges", "short", { expr: quantile(0.5, "clipper_encode_speed_ratio", "quality"), legend: "{{quality}}" }, "Seconds of media per second."),
      graph("Time by stage, 95 %", "s", { expr: quantile(0.95, "clipper_encode_duration_seconds", "stage"), legend: "{{stage}}" }),
      graph("Attempts", "ops", { expr: `sum by (outcome) (${rate("clipper_encode_attempts_total")})`, legend: "{{outcome}}" }),
      graph("Uploads", "Bps", { expr: `sum(${rate("clipper_upload_bytes_total")})`, legend: "kept" }),
      graph("Renditions that play", "bytes", { expr: "max by (quality) (clipper_storage_bytes)", legend: "{{quality}}" }),
      graph("Lost on the way, within an hour", "short", [
        { expr: `sum(increase(clipper_leases_expired_total{${one}}[1h]))`, legend: "leases" },
        { expr: `sum(increase(clipper_thumbnails_failed_total{${one}}[1h]))`, legend: "still pictures" },
      ]),
    ],
  },
  {
    uid: "clipper-log",
    title: "Clipper: log and read models",
    about: "What is written, what it costs, and how far the read models have followed.",
    panels: [
      stat("Events of clips", "short", { expr: 'max(clipper_log_position{log="clip"})' }),
      stat("Reports", "short", { expr: 'max(clipper_log_position{log="playback"})' }),
      stat("Furthest behind", "s", { expr: "max(clipper:projection_lag_seconds:max)" }),
      stat("Parked", "short", { expr: "max(clipper_parked_events)" }),
      graph("Events appended", "ops", { expr: `sum by (log) (${rate("clipper_events_appended_total")})`, legend: "{{log}}" }),
      graph("Events not applied yet", "short", { expr: "max by (projection) (clipper_projection_lag_events)", legend: "{{projection}}" }),
      graph("Waiting of the oldest of them", "s", { expr: "clipper:projection_lag_seconds:max", legend: "{{projection}}" }),
      graph("A group commit", "s", { expr: quantile(0.99, "clipper_append_duration_seconds", "log"), legend: "{{log}}, 99 %" }),
      graph("Waiting for a group commit", "s", { expr: quantile(0.99, "clipper_append_queue_seconds", "log"), legend: "{{log}}, 99 %" }),
      graph("Appends that share a commit", "short", { expr: `sum by (log) (${rate("clipper_append_batch_size_sum")}) / sum by (log) (${rate("clipper_append_batch_size_count")})`, legend: "{{log}}" }),
      graph("Batches with a repetition or a conflict", "ops", { expr: `sum by (log) (${rate("clipper_append_sifted_total")})`, legend: "{{log}}" }),
      graph("Commands", "ops", { expr: `sum by (command) (${rate("clipper_commands_total")})`, legend: "{{command}}" }),
      graph("Commands by outcome", "ops", { expr: `sum by (outcome) (${rate("clipper_commands_total")})`, legend: "{{outcome}}" }),
      graph("Removed, within a day", "short", { expr: `sum(increase(clipper_reports_forgotten_total{${one}}[1d]))`, legend: "reports past their retention" }),
    ],
  },
  {
    uid: "clipper-hosts",
    title: "Clipper: hosts",
    about: "The processes and what is left of the machines that they run on.",
    panels: [
      stat("Processes that answer", "short", { expr: 'sum(up{job="clipper"})' }),
      stat("Checks that fail", "short", { expr: `sum(1 - clipper_check_ok{${one}})` }),
      stat("Least disk left", "percentunit", { expr: `min(clipper_disk_free_bytes{${one}} / clipper_disk_size_bytes{${one}})` }),
      stat("Versions", "short", { expr: `count by (version) (clipper_build_info{${one}})`, legend: "{{version}}" }),
      graph("Checks", "short", { expr: `min by (instance, check) (clipper_check_ok{${one}})`, legend: "{{instance}} {{check}}" }, "1: well."),
      graph("Processors", "short", { expr: `sum by (instance) (${rate("process_cpu_seconds_total")})`, legend: "{{instance}}" }, "Seconds of processor per second; encoders beside it count for themselves."),
      graph("Memory", "bytes", { expr: `sum by (instance) (process_resident_memory_bytes{${one}})`, legend: "{{instance}}" }),
      graph("Open files", "percentunit", { expr: `process_open_fds{${one}} / process_max_fds{${one}}`, legend: "{{instance}}" }, "Of those that it may open."),
      graph("Threads", "short", { expr: `process_threads{${one}}`, legend: "{{instance}}" }),
      graph("Disk left", "bytes", { expr: `clipper_disk_free_bytes{${one}}`, legend: "{{instance}}" }),
      graph("Running for", "s", { expr: `time() - process_start_time_seconds{${one}}`, legend: "{{instance}}" }),
      graph("Clips in memory", "short", { expr: `clipper_active_clips{${one}}`, legend: "{{instance}}" }),
      graph("Actors replaced, within an hour", "short", { expr: `sum by (actor, cause) (increase(clipper_actor_restarts_total{${one}}[1h]))`, legend: "{{actor}}, {{cause}}" }),
      graph("Media removed", "Bps", { expr: `sum(${rate("clipper_gc_removed_bytes_total")})`, legend: "that nothing named" }),
    ],
  },
];
