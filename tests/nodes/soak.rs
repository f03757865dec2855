//! Faults of the database and of the network, one after the other at random, while users log in and lose their rights. What
//! every call may be answered with is known.
//!
//! The variables `SOAK_MINUTES` and `SOAK_SEED` set the length and the seed, which is printed.

mod faults;
mod users;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    env,
    net::SocketAddr,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures::future::join_all;

use self::{
    faults::{FAULTS, Site},
    users::User,
};
use crate::{
    cluster::{assert_heals, assert_open_to_anyone, assert_unavailable, logged_in},
    support::{
        client::{Client, Reply},
        effort::rounds,
        poll::until,
        random::Random,
        server::Server,
    },
};

const USERS: usize = 6;

/// Short lifetimes and small limits, so that what a node keeps in memory stops growing soon.
const SETTINGS: &[(&str, &str)] = &[
    ("CALLGATE_SESSIONS_FRESH_SECONDS", "43200"),
    ("CALLGATE_SESSIONS_SWEEP_SECONDS", "5"),
    ("CALLGATE_SESSIONS_IN_MEMORY", "100"),
    ("CALLGATE_AUDIT_MOST_CALLS", "2000"),
];

/// The connections of a node to the database.
const CONNECTIONS: usize = 13;
/// By which factor, and how many KiB more, the memory of a node may grow after the first quarter.
const GROWTH: (u64, u64) = (110, 16 * 1024);

/// What the users, and what makes faults, know of each other.
struct Soak {
    addresses: [SocketAddr; 2],
    /// Even while there is no fault, odd during one and until the time to heal is over.
    phase: Cell<u64>,
    is_over: Cell<bool>,
    statuses: RefCell<BTreeMap<u16, u64>>,
    changes: Cell<u64>,
}

impl Soak {
    fn begin_fault(&self) {
        self.phase.set(self.phase.get() + 1);
    }

    fn end_fault(&self) {
        self.phase.set(self.phase.get() + 1);
    }

    /// Counts a reply to a call that began in this phase. Fails if it is refused for now although there was no fault.
    #[track_caller]
    fn check(&self, reply: &Reply, began_in: u64) {
        *self.statuses.borrow_mut().entry(reply.status).or_default() += 1;
        if reply.status == 503 {
            assert_unavailable(reply);
            let was_calm = began_in.is_multiple_of(2) && began_in == self.phase.get();
            assert!(!was_calm, "503 without a fault: {}", reply.body);
        }
    }
}

/// The memory of a node, and its open sockets, while there is no fault.
struct Sample {
    memory_kib: u64,
    sockets: usize,
}

impl Sample {
    fn of(node: &Server) -> Self {
        Self {
            memory_kib: node.memory_kib("VmRSS"),
            sockets: node.open_files("socket:"),
        }
    }
}

fn length() -> Duration {
    let minutes = env::var("SOAK_MINUTES").map(|minutes| minutes.parse().expect("a number of minutes"));
    minutes.map_or_else(
        |_| Duration::from_secs(rounds(20, 180) as u64),
        |minutes: u64| Duration::from_secs(60 * minutes),
    )
}

fn seed() -> u64 {
    let seed = env::var("SOAK_SEED").map(|seed| seed.parse().expect("a number"));
    seed.unwrap_or_else(|_| u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_micros()))
}

/// Lets time go by.
async fn pass(time: Duration) {
    let began = Instant::now();
    until("time to pass", async || began.elapsed() >= time).await;
}

/// Makes faults until the time is over. Returns samples of each node.
async fn make_faults(site: &mut Site, soak: &Soak, random: &mut Random) -> Vec<Vec<Sample>> {
    let mut observers: Vec<Client> = Vec::new();
    for node in &site.nodes {
        observers.push(logged_in(node, "user02", "user_02").await);
    }
    let mut samples: Vec<_> = site.nodes.iter().map(|_| Vec::new()).collect();
    let mut heals = BTreeMap::<String, (usize, Duration)>::new();
    let (began, length) = (Instant::now(), length());
    while began.elapsed() < length {
        let fault = random.choose(FAULTS);
        let duration = Duration::from_millis(300 + random.below(3700));
        soak.begin_fault();
        let during = async {
            pass(duration).await;
            assert_open_to_anyone(&site.nodes[1]).await;
        };
        site.state.make(fault, Box::pin(during)).await;
        let ended = Instant::now();
        let healed = join_all(
            observers
                .iter()
                .map(|observer| assert_heals(observer, fault.time_to_heal())),
        );
        healed.await;
        let (count, longest) = heals.entry(format!("{fault:?}")).or_default();
        *count += 1;
        *longest = ended.elapsed().max(*longest);
        until("the time to heal to end", async || {
            ended.elapsed() >= fault.time_to_heal()
        })
        .await;
        soak.end_fault();
        site.state.add_standby().await;
        pass(Duration::from_millis(500 + random.below(1500))).await;
        site.assert_connections_are_level().await;
        for (node, samples) in site.nodes.iter().zip(&mut samples) {
            samples.push(Sample::of(node));
        }
    }
    for (fault, (count, longest)) in heals {
        println!("{fault}: {count} times, healed within {} ms", longest.as_millis());
    }
    samples
}

/// Fails if the memory or the sockets of a node have grown.
fn assert_node_is_level(samples: &[Sample]) {
    let quarter = samples.len() / 4;
    let median = |samples: &[Sample]| {
        let mut sizes: Vec<_> = samples.iter().map(|sample| sample.memory_kib).collect();
        sizes.sort_unstable();
        sizes[sizes.len() / 2]
    };
    let early = median(&samples[quarter..=2 * quarter]);
    let late = median(&samples[samples.len() - quarter - 1..]);
    let sockets = samples.iter().map(|sample| sample.sockets).max();
    println!("memory: {early} KiB early, {late} KiB late; sockets: {sockets:?} at most");
    assert!(late <= early * GROWTH.0 / 100 + GROWTH.1, "memory grew");
    // Those of clients, of listeners and of the runtime.
    assert!(sockets <= Some(CONNECTIONS + 2 * USERS + 12), "sockets are left open");
}

#[tokio::test]
async fn while_faults_come_at_random_only_those_are_let_in_who_may_and_nothing_grows() {
    let seed = seed();
    println!("SOAK_SEED={seed}");
    let mut site = Site::start(SETTINGS).await;
    let soak = Soak {
        addresses: [site.nodes[0].https, site.nodes[1].https],
        phase: Cell::new(0),
        is_over: Cell::new(false),
        statuses: RefCell::default(),
        changes: Cell::new(0),
    };
    let mut users = Vec::new();
    for number in 0..USERS {
        users.push(User::add(&soak, &site, number, Random(seed + number as u64 + 1)).await);
    }
    let use_site = join_all(users.iter_mut().map(User::run));
    let faults = async {
        let samples = make_faults(&mut site, &soak, &mut Random(seed)).await;
        soak.is_over.set(true);
        samples
    };
    let (samples, _) = tokio::join!(Box::pin(faults), Box::pin(use_site));
    println!(
        "{} changes; calls by status: {:?}",
        soak.changes.get(),
        soak.statuses.borrow()
    );
    for samples in samples {
        assert_node_is_level(&samples);
    }
    for node in &site.nodes {
        let log = node.place.log();
        assert!(!log.contains("panicked"), "{log}");
    }
}
