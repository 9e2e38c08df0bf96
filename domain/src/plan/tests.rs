use proptest::prelude::*;

use super::*;

pub(crate) fn source(width: u32, height: u32, rate: &str) -> SourceFacts {
    SourceFacts {
        container: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(),
        video_stream: 0,
        video_codec: "h264".to_owned(),
        coded_width: width,
        coded_height: height,
        sample_aspect: (1, 1),
        rotation: 0,
        mirrored: false,
        frame_rate: rate.parse().unwrap(),
        variable_rate: false,
        frames: 0,
        key_frames: vec![],
        duration_ms: 30_000,
        start_ms: 0,
        edited: false,
        interlaced: false,
        pixel_format: "yuv420p".to_owned(),
        bit_depth: 8,
        full_range: false,
        transfer: None,
        primaries: None,
        audio: None,
        audio_tracks: 0,
        bitrate: 16_000_000,
        video_bitrate: 15_000_000,
        peak_bitrate: 0,
    }
}

/// Full HD at 24 frames per second, 30 s, a key frame every second.
fn compliant() -> SourceFacts {
    SourceFacts {
        frames: 720,
        key_frames: (0..720).step_by(24).collect(),
        peak_bitrate: 8_000_000,
        ..source(1920, 1080, "24/1")
    }
}

fn default_plan(source: &SourceFacts) -> Plan {
    plan(source, &Quality::DEFAULT, PlanSettings::default()).unwrap()
}

#[test]
fn a_full_hd_source_fills_three_rungs_on_a_grid_of_two_seconds() {
    let plan = default_plan(&source(1920, 1080, "24/1"));
    let sizes: Vec<_> = plan
        .rungs
        .iter()
        .map(|r| (r.quality, r.width, r.height))
        .collect();
    assert_eq!(
        sizes,
        [
            (Quality::P480, 854, 480),
            (Quality::P720, 1280, 720),
            (Quality::P1080, 1920, 1080)
        ]
    );
    assert_eq!(plan.key_frames, KeyFrames::Every(48));
    assert_eq!(plan.segment_starts, [0, 144, 288, 432, 576]);
    assert_eq!((plan.frames, plan.target_duration()), (720, 6));
}

#[test]
fn the_smallest_rung_halves_sixty_frames_and_keeps_the_instants_of_key_frames() {
    let plan = default_plan(&source(1920, 1080, "60000/1001"));
    assert_eq!(
        plan.rungs.iter().map(|r| r.frame_step).collect::<Vec<_>>(),
        [2, 1, 1]
    );
    assert_eq!(plan.key_frames, KeyFrames::Every(120));
    assert_eq!(plan.rate_of(&plan.rungs[0]).to_string(), "30000/1001");
}

#[test]
fn a_rate_that_is_a_little_above_a_limit_is_not_halved() {
    for (rate, planned, smallest) in [
        ("1000000/33333", "1000000/33333", 1),
        ("3005/100", "601/20", 1),
        ("6001/100", "60/1", 2),
        ("61/1", "61/2", 2),
        ("120/1", "60/1", 2),
    ] {
        let plan = default_plan(&source(1920, 1080, rate));
        assert_eq!(
            (plan.frame_rate.to_string().as_str(), plan.rungs[0].frame_step),
            (planned, smallest),
            "{rate}"
        );
    }
}

#[test]
fn a_turned_phone_picture_is_planned_as_it_is_shown() {
    let mut portrait = source(1920, 1080, "30/1");
    portrait.rotation = 270;
    let plan = default_plan(&portrait);
    assert!(plan.rungs.iter().all(|rung| rung.width < rung.height));
}

#[test]
fn anamorphic_pixels_become_square() {
    let mut wide = source(720, 576, "25/1");
    wide.sample_aspect = (64, 45);
    assert_eq!(wide.display_size(), (1024, 576));
    assert_eq!(
        (
            default_plan(&wide).rungs[0].width,
            default_plan(&wide).rungs[0].height
        ),
        (854, 480)
    );
}

#[test]
fn a_picture_beyond_every_level_has_no_plan() {
    let refused = plan(
        &source(200_000, 400, "30/1"),
        &Quality::DEFAULT,
        PlanSettings::default(),
    );
    assert_eq!(
        refused,
        Err(NoPlan::PictureTooLarge {
            width: 200_000,
            height: 400
        })
    );
}

#[test]
fn a_source_that_fits_becomes_its_rung_and_the_others_follow_its_key_frames() {
    let plan = default_plan(&compliant());
    assert_eq!(
        plan.rungs.iter().map(|r| r.copied).collect::<Vec<_>>(),
        [false, false, true]
    );
    assert_eq!(plan.not_copied, []);
    assert_eq!(plan.segment_starts, [0, 144, 288, 432, 576]);
    let KeyFrames::At(keys) = &plan.key_frames else {
        panic!("{plan:?}")
    };
    assert_eq!(keys[..4], [0, 48, 96, 144]);
}

#[test]
fn rungs_below_a_copy_cost_less_than_it() {
    let thin = SourceFacts {
        video_bitrate: 900_000,
        bitrate: 1_000_000,
        ..compliant()
    };
    let ceilings = |source| {
        default_plan(source)
            .rungs
            .iter()
            .map(|rung| rung.max_kbps)
            .collect::<Vec<_>>()
    };
    assert_eq!(ceilings(&thin), [441, 630, 1_800]);
    assert_eq!(ceilings(&compliant())[..2], [2_200, 5_500]);
}

#[test]
fn irregular_key_frames_make_segments_that_are_never_too_long() {
    let keys = vec![0, 100, 130, 270, 300, 440, 500, 580, 600];
    let plan = default_plan(&SourceFacts {
        key_frames: keys,
        ..compliant()
    });
    assert_eq!(plan.segment_starts, [0, 130, 270, 300, 440, 580]);
    assert_eq!(plan.target_duration(), 6);
}

#[test]
fn the_priming_of_sound_moves_nothing_and_sound_before_the_picture_is_kept() {
    let primed = SourceFacts {
        start_ms: 23,
        ..compliant()
    };
    let plan = default_plan(&primed);
    assert_eq!((plan.frames, plan.not_copied.as_slice()), (720, [].as_slice()));
    let late = SourceFacts {
        start_ms: 2_000,
        ..compliant()
    };
    assert_eq!((late.origin_ms(), default_plan(&late).frames), (0, 768));
}

#[test]
fn each_obstacle_to_copying_is_named() {
    type Change = fn(&mut SourceFacts);
    let cases: [(CopyObstacle, Change); 14] = [
        (CopyObstacle::Codec, |s| s.video_codec = "vp9".to_owned()),
        (CopyObstacle::PixelFormat, |s| {
            s.pixel_format = "yuv420p10le".to_owned();
        }),
        (CopyObstacle::FullRange, |s| s.full_range = true),
        (CopyObstacle::Hdr, |s| s.transfer = Some("smpte2084".to_owned())),
        (CopyObstacle::Interlaced, |s| s.interlaced = true),
        (CopyObstacle::PixelShape, |s| s.sample_aspect = (64, 45)),
        (CopyObstacle::Turned, |s| s.mirrored = true),
        (CopyObstacle::Size, |s| s.coded_height = 1082),
        (CopyObstacle::FrameRate, |s| {
            s.frame_rate = "120/1".parse().unwrap();
        }),
        (CopyObstacle::VariableRate, |s| s.variable_rate = true),
        (CopyObstacle::EditList, |s| s.edited = true),
        (CopyObstacle::EditList, |s| s.start_ms = 800),
        (CopyObstacle::KeyFrames, |s| s.key_frames.truncate(20)),
        (CopyObstacle::BitRate, |s| s.peak_bitrate = 11_000_001),
    ];
    for (obstacle, change) in cases {
        let mut source = compliant();
        change(&mut source);
        let plan = default_plan(&source);
        assert!(
            plan.not_copied.contains(&obstacle),
            "{obstacle:?}: {:?}",
            plan.not_copied
        );
        assert!(plan.rungs.iter().all(|rung| !rung.copied));
    }
    let settings = PlanSettings {
        not_copied: Some(CopyObstacle::Disabled),
        ..PlanSettings::default()
    };
    let plan = plan(&compliant(), &Quality::DEFAULT, settings).unwrap();
    assert_eq!(plan.not_copied, [CopyObstacle::Disabled]);
}

#[test]
fn a_long_clip_is_cut_into_ranges_that_cover_every_segment_once() {
    let long = SourceFacts {
        duration_ms: 362_767,
        ..source(1920, 1080, "30/1")
    };
    let plan = default_plan(&long);
    assert_eq!(plan.range_starts, [0, 10, 20, 30, 40, 50, 60]);
    let covered: Vec<u32> = (0..plan.range_count())
        .flat_map(|unit| plan.range(unit))
        .collect();
    assert_eq!(covered, (0..plan.segment_count()).collect::<Vec<_>>());
    assert!(plan.range(plan.last_unit()).is_empty());
    let stream = SourceFacts {
        container: "mpegts".to_owned(),
        ..long
    };
    assert_eq!(default_plan(&stream).range_starts, [0]);
}

#[test]
fn nothing_costs_more_than_the_source_holds() {
    let thin = SourceFacts {
        video_bitrate: 500_000,
        bitrate: 600_000,
        ..source(1920, 1080, "30/1")
    };
    assert!(
        default_plan(&thin)
            .rungs
            .iter()
            .all(|rung| rung.max_kbps == 1_000)
    );
    let sound = |codec: &str, bitrate| {
        let audio = crate::source::AudioFacts {
            stream: 1,
            codec: codec.to_owned(),
            channels: 2,
            sample_rate: 48_000,
            bitrate,
        };
        let with_sound = SourceFacts {
            audio: Some(audio),
            ..source(1920, 1080, "30/1")
        };
        default_plan(&with_sound)
            .rungs
            .iter()
            .map(|rung| rung.audio_kbps)
            .collect::<Vec<_>>()
    };
    assert_eq!(sound("aac", 96_500), [96, 96, 96]);
    assert_eq!(sound("pcm_s16le", 96_500), [128, 192, 256]);
    assert_eq!(sound("aac", 0), [128, 192, 256]);
}

#[test]
fn ultra_hd_is_hevc_at_the_level_that_it_needs() {
    let plan = plan(
        &source(3840, 2160, "60/1"),
        &Quality::ALL,
        PlanSettings::default(),
    )
    .unwrap();
    let top = plan.rungs.last().unwrap();
    assert_eq!(
        (top.quality, top.codec, top.level),
        (Quality::K4, Codec::HevcMain, 153)
    );
}

proptest! {
    #[test]
    fn every_plan_keeps_its_promises(
        width in 16_u32..4_097, height in 16_u32..2_305, num in 1_u32..240_000, den in 1_u32..1_002,
        segment in 2_u32..11, duration in 1_u64..20_000_000, range in 10_u32..200,
    ) {
        prop_assume!(num / den <= 1_000);
        let mut source = source(width, height, &format!("{num}/{den}"));
        source.duration_ms = duration;
        let settings = PlanSettings { segment_seconds: segment, range_seconds: range, ..PlanSettings::default() };
        let Ok(plan) = plan(&source, &Quality::ALL, settings) else { return Ok(()); };
        prop_assert!(plan.frame_rate.as_f64() <= 60.0 && plan.frame_rate.as_f64() >= 5.0);
        prop_assert!(plan.target_duration() <= segment + 1);
        let KeyFrames::Every(interval) = plan.key_frames else { return Ok(()); };
        for start in &plan.segment_starts {
            prop_assert_eq!(start % u64::from(interval), 0);
        }
        prop_assert!(plan.segment_starts.last().unwrap() < &plan.frames);
        for rung in &plan.rungs {
            prop_assert!(rung.width <= width && rung.height <= height);
            prop_assert!(rung.width % 2 == 0 && rung.height % 2 == 0);
            // Key frames of every rung fall on the same instants. A rung at a third of the rate would break this.
            prop_assert_eq!(interval % rung.frame_step, 0);
        }
        let distinct: std::collections::HashSet<_> = plan.rungs.iter().map(|r| (r.width, r.height)).collect();
        prop_assert_eq!(distinct.len(), plan.rungs.len());
        let covered: Vec<u32> = (0..plan.range_count()).flat_map(|unit| plan.range(unit)).collect();
        prop_assert_eq!(covered, (0..plan.segment_count()).collect::<Vec<_>>());
    }

    #[test]
    fn segments_along_key_frames_are_never_too_long(gaps in prop::collection::vec(1_u64..145, 1..60)) {
        let mut at = 0;
        let mut key_frames = vec![0];
        for gap in &gaps {
            at += gap;
            key_frames.push(at);
        }
        key_frames.pop();
        let source = SourceFacts { frames: at, key_frames: key_frames.clone(), ..compliant() };
        let plan = plan(&source, &Quality::DEFAULT, PlanSettings::default()).unwrap();
        prop_assert_eq!(&plan.not_copied, &vec![]);
        let KeyFrames::At(keys) = &plan.key_frames else { panic!("not along key frames") };
        for number in 0..plan.segment_count() {
            let (start, end) = (plan.start_of(number), plan.start_of(number + 1));
            prop_assert!(end - start <= 144, "{} to {}", start, end);
            prop_assert!(keys.contains(&start) && key_frames.contains(&start));
        }
        prop_assert!(keys.iter().all(|key| key_frames.contains(key)));
        prop_assert!(plan.target_duration() <= 6);
    }
}
