//! The seed's story: a tag is pushed again, and the cluster goes on running the old content.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::GatewayOptions;

use crate::support::freshimage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_pushed_again_under_if_not_present_stays_stale_through_a_restart() {
    let bed = Bed::start("seed").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let old = bed.image("old page").created("2026-11-17T10:00:00Z").revision("1a2b3c");
    bed.push(&registry, "cp-enablement/awesomeapp", "1.0", old).await;
    let image = registry.image("cp-enablement/awesomeapp", "1.0");
    let template = PodTemplate::new("app", &image).policy("IfNotPresent").on_node("node-a");
    bed.create(&template.deployment("awesomeapp", 2)).await;
    bed.wait_rolled_out("deployment", "awesomeapp").await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"");

    let new = bed.image("new page").created("2026-11-20T10:00:00Z").revision("3c4d9e");
    bed.push(&registry, "cp-enablement/awesomeapp", "1.0", new).await;
    bed.restart("deployment", "awesomeapp").await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"");
    assert_snapshot!(freshimage(&bed, &["explain", "deployment/awesomeapp"]).await.normalise(), @"");
    bed.finish().await;
}
