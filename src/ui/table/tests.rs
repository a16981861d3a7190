//! The table's looks, at several widths.

use super::*;
use crate::domain::diagnosis::Diagnosis;
use crate::ui::samples;

fn options() -> Options {
    Options {
        wide: false,
        namespaces: false,
        headers: true,
        width: None,
        palette: Palette::plain(),
        now: samples::now(),
    }
}

fn rendered(diagnosis: &Diagnosis, options: Options) -> String {
    render(&diagnosis.items.iter().collect::<Vec<_>>(), &options)
}

fn widest(text: &str) -> usize {
    text.lines().map(width).max().unwrap_or_default()
}

#[test]
fn the_story_in_a_pipe() {
    insta::assert_snapshot!(rendered(&samples::story(), options()), @"
    WORKLOAD                CONTAINER   IMAGE                               VERDICT   PODS   WHY
    deployment/awesomeapp   app         cp-enablement/awesomeapp:1.0        stale     2/2    re-pushed 3d ago; IfNotPresent, node holds the old bits
    deployment/api          app         cp-enablement/api:latest            mixed     1/3    node-b runs older bits than node-a, node-c
    statefulset/db          postgres    postgres:17.2                       fresh     3/3
    cronjob/report          job         reg.example.com/tools/report:head   unknown   -      registry `reg.example.com` asks for a login
    ");
}

#[test]
fn the_story_on_eighty_columns() {
    let text = rendered(&samples::story(), Options { width: Some(80), ..options() });
    assert!(widest(&text) <= 80);
    insta::assert_snapshot!(text, @"
    WORKLOAD                CONTAINER   IMAGE                      VERDICT   PODS
    deployment/awesomeapp   app         …/awesomeapp:1.0           stale     2/2
      re-pushed 3d ago; IfNotPresent, node holds the old bits
    deployment/api          app         cp-enablement/api:latest   mixed     1/3
      node-b runs older bits than node-a, node-c
    statefulset/db          postgres    postgres:17.2              fresh     3/3
    cronjob/report          job         …/tools/report:head        unknown   -
      registry `reg.example.com` asks for a login
    ");
}

#[test]
fn why_wraps_where_there_is_some_room() {
    let text = rendered(&samples::story(), Options { width: Some(110), ..options() });
    assert!(widest(&text) <= 110);
    insta::assert_snapshot!(text, @"
    WORKLOAD                CONTAINER   IMAGE                      VERDICT   PODS   WHY
    deployment/awesomeapp   app         …/awesomeapp:1.0           stale     2/2    re-pushed 3d ago;
                                                                                    IfNotPresent, node holds the
                                                                                    old bits
    deployment/api          app         cp-enablement/api:latest   mixed     1/3    node-b runs older bits than
                                                                                    node-a, node-c
    statefulset/db          postgres    postgres:17.2              fresh     3/3
    cronjob/report          job         …/tools/report:head        unknown   -      registry `reg.example.com`
                                                                                    asks for a login
    ");
}

#[test]
fn a_wide_terminal_shows_what_a_pipe_shows() {
    let piped = rendered(&samples::story(), options());
    assert_eq!(rendered(&samples::story(), Options { width: Some(widest(&piped)), ..options() }), piped);
}

#[test]
fn wide_has_digests_nodes_policy_age_and_findings() {
    insta::assert_snapshot!(rendered(&samples::story(), Options { wide: true, width: Some(80), ..options() }), @"
    WORKLOAD                CONTAINER   IMAGE                               VERDICT   PODS   RUNNING                                   SERVED                NODES                  POLICY         AGE      FINDINGS                    WHY
    deployment/awesomeapp   app         cp-enablement/awesomeapp:1.0        stale     2/2    sha256:2bd0a7c32bd0                       sha256:9c1e4f019c1e   node-a                 IfNotPresent   3d       moved-tag                   re-pushed 3d ago; IfNotPresent, node holds the old bits
    deployment/api          app         cp-enablement/api:latest            mixed     1/3    sha256:cc22dd33cc22,sha256:aa00bb11aa00   sha256:aa00bb11aa00   node-b,node-a,node-c   IfNotPresent   3d       floating-tag,gitops-owned   node-b runs older bits than node-a, node-c
    statefulset/db          postgres    postgres:17.2                       fresh     3/3    sha256:5f6e7d8c5f6e                       sha256:5f6e7d8c5f6e   node-a,node-b,node-c   IfNotPresent   3d       <none>
    cronjob/report          job         reg.example.com/tools/report:head   unknown   -      <none>                                    <none>                <none>                 <none>         <none>   <none>                      registry `reg.example.com` asks for a login
    ");
}

#[test]
fn namespaces_come_first_and_every_kind_is_named() {
    insta::assert_snapshot!(rendered(&samples::kinds(), Options { namespaces: true, ..options() }), @"
    NAMESPACE   WORKLOAD                  CONTAINER              IMAGE                VERDICT   PODS   WHY
    shop        rollout.argoproj.io/web   migrate (init)         quay.io/team/web:2   waiting   -
    shop        rollout.argoproj.io/web   proxy (sidecar)        quay.io/team/web:2   waiting   -
    shop        rollout.argoproj.io/web   app                    quay.io/team/web:2   waiting   -
    shop        rollout.argoproj.io/web   models (volume)        quay.io/team/web:2   waiting   -
    default     pod/shell                 debugger (ephemeral)   <none>               local     -      the image was put on the node
    ");
}

#[test]
fn heads_can_be_left_out() {
    let text = rendered(&samples::story(), Options { headers: false, ..options() });
    assert!(!text.contains("WORKLOAD"));
    assert_eq!(text.lines().count(), 4);
}

#[test]
fn hostile_and_wide_characters_keep_their_columns() {
    insta::assert_snapshot!(rendered(&samples::hostile(), options()), @"
    WORKLOAD             CONTAINER   IMAGE            VERDICT   PODS   WHY
    deployment/web�[2J   app��       reg/�gpj.ppa:1   unknown   -      said �]0;owned� and forged a line
    deployment/倉庫      app         reg/größe:大     stale     -      wide characters keep their columns
    ");
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(rendered(&Diagnosis::default(), options()), "");
}

#[test]
fn only_the_verdict_is_painted_and_colours_change_no_column() {
    let painted = rendered(&samples::story(), Options { palette: Palette::new(true), width: Some(110), ..options() });
    let plain = rendered(&samples::story(), Options { width: Some(110), ..options() });
    assert_eq!(painted.matches("\u{1b}[31m").count(), 2);
    assert_eq!(anstream::adapter::strip_str(&painted).to_string(), plain);
}

#[test]
fn no_line_ends_in_spaces() {
    for width in [None, Some(60), Some(80), Some(100), Some(120)] {
        let text = rendered(&samples::story(), Options { width, ..options() });
        assert!(text.lines().all(|line| line == line.trim_end()));
    }
}

#[test]
fn names_and_verdicts_are_never_cut() {
    let text = rendered(&samples::story(), Options { width: Some(10), ..options() });
    for item in &samples::story().items {
        assert!(text.contains(&names::workload(&item.workload)));
        assert!(text.contains(item.verdict.as_str()));
    }
}
