//! Who comes, and when: a population drawn from a seed.

use std::sync::Arc;

use uuid::Uuid;

use super::Millis;
use super::abr::Rule;
use super::chance::{Chance, Purpose};
use super::player::{Character, Habits};
use super::trace::{Link, Trace};
use super::truth::Form;

/// From here on a wait is felt: every further second costs a share of the viewers (Krishnan and Sitaraman 2012).
const UNFELT: Millis = 2_000;
/// How long viewers stay away who pause.
const PAUSE: Millis = 5_000;
const DEVICES: [&str; 3] = ["phone", "desktop", "tablet"];

/// What a population is like.
#[derive(Clone, Debug)]
pub struct Population {
    /// From which everything else follows.
    pub seed: u64,
    /// How many come.
    pub viewers: u32,
    /// Within which time, on average: arrivals are a Poisson process.
    pub within: Millis,
    /// The networks that they come over.
    pub traces: Vec<Arc<Trace>>,
    /// How their players choose renditions; each of them, when more than one.
    pub rules: Vec<Rule>,
    /// Viewers who watch to the end, in a hundred.
    pub stay: f64,
    /// How long the others watch, on average.
    pub watch: Millis,
    /// How long a viewer waits beyond what is felt, on average.
    pub patience: Millis,
    /// Playing time between seeks, on average.
    pub seeks_every: Option<Millis>,
    /// Playing time between pauses, on average.
    pub pauses_every: Option<Millis>,
    /// Players that report by CMCD, in a hundred.
    pub cmcd: f64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Viewer {
    pub(super) number: u32,
    pub(super) arrives: Millis,
    pub(super) session: Uuid,
    pub(super) device: &'static str,
    pub(super) form: Form,
    pub(super) character: Character,
    /// For what goes wrong with the reports.
    pub(super) faults: Chance,
}

impl Population {
    /// The viewers in the order in which they come; none without a network. `epoch` is when the first second begins, in Unix milliseconds: the same
    /// seed and epoch are the same sessions.
    pub(super) fn viewers(&self, epoch: i64) -> impl Iterator<Item = Viewer> + '_ {
        let mut arrivals = Chance::new(self.seed, 0, Purpose::Arrivals);
        let between = self.within / u64::from(self.viewers.max(1));
        let mut arrives = 0;
        (0..self.viewers).map_while(move |number| {
            arrives += arrivals.wait(between);
            self.viewer(number, arrives, epoch)
        })
    }

    fn viewer(&self, number: u32, arrives: Millis, epoch: i64) -> Option<Viewer> {
        let dice = |purpose| Chance::new(self.seed, u64::from(number), purpose);
        let mut chance = dice(Purpose::Character);
        let born = u64::try_from(epoch).unwrap_or_default().saturating_add(arrives);
        let session = uuid::Builder::from_unix_timestamp_millis(born, &chance.bytes()).into_uuid();
        let stays = chance.percent(self.stay);
        let watches = chance.wait(self.watch);
        let habits = Habits {
            watches: (!stays).then_some(watches),
            waits_to_start: UNFELT + chance.wait(self.patience),
            waits_for_media: UNFELT + chance.wait(self.patience),
            seeks_every: self.seeks_every,
            pauses_every: self.pauses_every,
            pauses_for: PAUSE,
        };
        let rule = pick(&self.rules, &mut chance).copied().unwrap_or(Rule::Ewma);
        let device = pick(&DEVICES, &mut chance).copied().unwrap_or_default();
        let form = if chance.percent(self.cmcd) {
            Form::Cmcd
        } else {
            Form::Json
        };
        let link = self.link(&mut chance)?;
        let conduct = dice(Purpose::Conduct);
        Some(Viewer {
            number,
            arrives,
            session,
            device,
            form,
            character: Character {
                habits,
                rule,
                link,
                conduct,
            },
            faults: dice(Purpose::Faults),
        })
    }

    /// A network, from any moment of its recording.
    fn link(&self, chance: &mut Chance) -> Option<Link> {
        let trace = Arc::clone(pick(&self.traces, chance)?);
        let offset = chance.below(trace.duration());
        Some(Link::new(trace, offset))
    }
}

fn pick<'a, T>(from: &'a [T], chance: &mut Chance) -> Option<&'a T> {
    let index = chance.below(from.len() as u64);
    from.get(usize::try_from(index).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn population(seed: u64, viewers: u32) -> Population {
        let text = r#"[{"duration_ms":1000,"bandwidth_kbps":8000,"latency_ms":1}]"#;
        let trace = |name| Arc::new(Trace::parse(name, text, 1.0).unwrap());
        Population {
            seed,
            viewers,
            within: 60_000,
            traces: vec![trace("3g/a"), trace("4g/b")],
            rules: Rule::ALL.to_vec(),
            stay: 50.0,
            watch: 30_000,
            patience: 17_000,
            seeks_every: None,
            pauses_every: None,
            cmcd: 20.0,
        }
    }

    /// Everything about a viewer that can be compared.
    fn portrait(viewer: &Viewer) -> String {
        format!("{viewer:?}")
    }

    #[test]
    fn a_seed_is_a_population() {
        let of = |seed, epoch| {
            population(seed, 50)
                .viewers(epoch)
                .map(|viewer| portrait(&viewer))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(1, 1_000), of(1, 1_000));
        assert_ne!(of(1, 1_000), of(2, 1_000));
        let sessions = |epoch| {
            population(1, 50)
                .viewers(epoch)
                .map(|viewer| viewer.session)
                .collect::<Vec<_>>()
        };
        assert_ne!(sessions(1_000), sessions(2_000), "another run is other sessions");
    }

    #[test]
    fn viewers_come_evenly_over_the_time_that_was_asked_for() {
        let arrivals: Vec<_> = population(3, 3_000)
            .viewers(0)
            .map(|viewer| viewer.arrives)
            .collect();
        assert!(arrivals.is_sorted());
        let last = arrivals.last().copied().unwrap();
        assert!((54_000..66_000).contains(&last), "{last}");
    }

    #[test]
    fn a_population_is_as_it_was_asked_for() {
        let viewers: Vec<_> = population(5, 2_000).viewers(0).collect();
        let share = |of: &dyn Fn(&Viewer) -> bool| viewers.iter().filter(|viewer| of(viewer)).count();
        assert!((340..460).contains(&share(&|viewer| viewer.form == Form::Cmcd)));
        assert!((900..1_100).contains(&share(&|viewer| viewer.character.habits.watches.is_none())));
        assert!((900..1_100).contains(&share(&|viewer| viewer.character.link.network() == "3g/a")));
        assert!((420..580).contains(&share(&|viewer| viewer.character.rule == Rule::Bola)));
    }
}
