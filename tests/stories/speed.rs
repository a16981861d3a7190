//! How long a change takes beside kubectl's own: not asserted, but printed by `benches/run`.

use std::time::{Duration, Instant};

use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, Ran};

use crate::support::{BINARY, assert_ended, say, shop};

const RUNS: usize = 5;
const MANY: usize = 30;

async fn kubectl(bed: &Bed, arguments: &[&str]) -> Ran {
    let ran = bed.product("kubectl").args(arguments).run().await;
    assert_ended(&ran, 0);
    ran
}

/// The middle of some times, in seconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: `benches/run` prints it"]
async fn a_bump_beside_kubectl() {
    let bed = Bed::start("speed").await;
    let registry = shop(&bed).await;
    let image = |tag: &str| registry.image("shop/web", tag);
    bed.create(&PodTemplate::new("app", &image("0.9")).deployment("web", 2)).await;
    bed.wait_rolled_out("deployment", "web").await;
    // Each way rolls between the same two images, both of which the nodes have.
    let ways: [(&str, &[&str]); 4] = [
        ("kubectl set image + rollout status", &[]),
        ("bump --settle 0", &["--settle", "0"]),
        ("bump --settle 1s", &["--settle", "1s"]),
        ("bump (--settle 2s)", &[]),
    ];
    let mut times = ways.map(|_| Vec::new());
    for run in 0..RUNS * ways.len() + 1 {
        let (way, tag) = (run % ways.len(), if run % 2 == 0 { "1.0" } else { "0.9" });
        let start = Instant::now();
        if way == 0 {
            kubectl(&bed, &["set", "image", "deployment/web", &format!("app={}", image(tag))]).await;
            kubectl(&bed, &["rollout", "status", "deployment/web"]).await;
        } else {
            let to = format!("existing={tag}");
            let words = [&["bump", "deployment/web", "--to", &to, "--yes"], ways[way].1].concat();
            assert_ended(&bed.product(BINARY).args(&words).run().await, 0);
        }
        // The first one pulls.
        if run > 0 {
            times[way].push(start.elapsed());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    say("a change of two replicas, median seconds\n");
    for ((name, _), times) in ways.iter().zip(times) {
        say(&format!("  {name:<36} {:.2}\n", median(times)));
    }

    for place in 0..MANY {
        let name = format!("many-{place:02}");
        bed.create(&PodTemplate::new("app", &image("0.9")).deployment(&name, 1)).await;
    }
    for place in 0..MANY {
        bed.wait_rolled_out("deployment", &format!("many-{place:02}")).await;
    }
    let names: Vec<String> = (0..MANY).map(|place| format!("deployment/many-{place:02}")).collect();
    let mut words = vec!["bump", "--to", "existing=1.0", "--yes", "--settle", "0", "--max-parallel", "30"];
    words.extend(names.iter().map(String::as_str));
    let start = Instant::now();
    assert_ended(&bed.product(BINARY).args(&words).run().await, 0);
    say(&format!("{MANY} deployments at once, bump --settle 0: {:.2} s\n", start.elapsed().as_secs_f64()));
    let set = format!("app={}", image("0.9"));
    let start = Instant::now();
    kubectl(&bed, &[&["set", "image"], &names.iter().map(String::as_str).collect::<Vec<_>>()[..], &[&set]].concat())
        .await;
    for name in &names {
        kubectl(&bed, &["rollout", "status", name]).await;
    }
    say(&format!(
        "{MANY} deployments, kubectl set image and rollout status of each: {:.2} s\n",
        start.elapsed().as_secs_f64()
    ));
    bed.finish().await;
}
