use insta::assert_snapshot;

use super::*;
use crate::domain::diagnosis::Verdict;
use crate::text::is_unprintable;
use crate::ui::plan_samples as samples;
use crate::ui::printer::Captured;

fn place() -> Place {
    Place {
        namespace: Some("shop".to_owned()),
        default_namespace: "shop".to_owned(),
        flags: String::new(),
        ..Place::default()
    }
}

fn paged(plan: &Plan, width: Option<usize>) -> String {
    page(plan, &Options { width, palette: Palette::plain(), place: &place() })
}

fn printed(plan: &Plan, format: PlanFormat) -> String {
    let data = Captured::default();
    let printer = Printer::to_writers(Box::new(data.clone()), Box::new(Captured::default()));
    print(&printer, plan, Some(format), &place()).unwrap();
    data.text()
}

#[test]
fn the_story_is_one_tag_and_one_workload() {
    assert_snapshot!(paged(&samples::story(), Some(80)), @"
    Plan: 1 tag to write, 1 workload to patch, 2 pods to replace

      registry reg.example.com/cp-enablement/awesomeapp
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9, 0.8)
        gets the bytes that 1.0 serves, sha256:9c1e4f019c1e…; nothing is rebuilt

      deployment/awesomeapp, container app   stale
        - image: reg.example.com/cp-enablement/awesomeapp:1.0
        + image: reg.example.com/cp-enablement/awesomeapp:1.1
        runs sha256:2bd0a7c32bd0…, will run sha256:9c1e4f019c1e…
        2 pods are replaced
    ");
}

#[test]
fn each_kind_says_how_the_change_reaches_its_pods() {
    assert_snapshot!(paged(&samples::kinds(), Some(80)), @"
    Plan: 1 tag to write, 9 workloads to patch, 5 pods to replace, 1 pod to restart in place

      registry reg.example.com/shop/db
          tag: 18
        it holds sha256:9c1e4f019c1e… already, so nothing is written

      registry reg.example.com/shop/models
        + tag: 7-content
        gets the bytes that run now, sha256:2bd0a7c32bd0…; nothing is rebuilt

      deployment/web, container migrate (init)
        - image: reg.example.com/shop/migrate:3
        + image: reg.example.com/shop/migrate:3@sha256:9c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f01
        will run sha256:9c1e4f019c1e…
      deployment/web, container proxy (sidecar)   fresh
          image: reg.example.com/mesh/proxy:2
        as planned already; runs sha256:9c1e4f019c1e… and goes on running it
      deployment/web, container app   mixed
          image: reg.example.com/shop/web:1.0
        - imagePullPolicy: IfNotPresent
        + imagePullPolicy: Always
        its pods ask for mirror.example.com/shop/web:1.0: something rewrites it on its way
        runs sha256:2bd0a7c32bd0… and sha256:cc22dd33cc22…, will run
          sha256:9c1e4f019c1e…
      deployment/web, image volume models   stale
        - reference: reg.example.com/shop/models:7
        + reference: reg.example.com/shop/models:7-content
        runs sha256:2bd0a7c32bd0… and goes on running it
        2 pods are replaced
        note: container migrate: `undo` will not be possible: no pod runs, so
          there is nothing to go back to
        note: Helm release `shop` owns it and will put the image back at its next
          upgrade; change it in the values or the chart of the release too
        note: not recommended: from now on every start of a pod needs the
          registry; with a unique tag (`--to tag`) it does not

      statefulset/db, container app   stale
        - image: reg.example.com/shop/db:17
        + image: reg.example.com/shop/db:18
        runs sha256:2bd0a7c32bd0…, will run sha256:9c1e4f019c1e…
        the pods from ordinal 2 on are replaced
        note: its partition keeps the pods below ordinal 2 as they are

      deployment/asleep, container app   stale
        - image: reg.example.com/shop/db:17
        + image: reg.example.com/shop/db:18
        runs sha256:2bd0a7c32bd0…, will run sha256:9c1e4f019c1e…
        no pod runs now
        note: its rollout is paused: no pod is replaced until it is resumed

      deployment/empty, container app   stale
        - image: reg.example.com/shop/db:17
        + image: reg.example.com/shop/db:18
        runs sha256:2bd0a7c32bd0…, will run sha256:9c1e4f019c1e…
        no pod runs now

      daemonset/agent, container app   stale
        - image: reg.example.com/shop/db:17
        + image: reg.example.com/shop/db:18
        runs sha256:2bd0a7c32bd0…, will run sha256:9c1e4f019c1e…
        1 pod runs on for now
        note: its update strategy is OnDelete: a pod gets the new image when you
          delete it

      replicaset/bare, container app   stale
        - image: reg.example.com/shop/db:17
        + image: reg.example.com/shop/db:18
        runs sha256:2bd0a7c32bd0…, will run sha256:9c1e4f019c1e…
        2 pods run on for now
        note: a ReplicaSet does not replace its pods: a pod gets the new image
          when you delete it

      pod/shell, container app   stale
        - image: reg.example.com/shop/db:17
        + image: reg.example.com/shop/db:18
        runs sha256:2bd0a7c32bd0…, will run sha256:9c1e4f019c1e…
        the container is restarted in its pod

      cronjob/nightly, container app   stale
        - image: reg.example.com/shop/db:17
        + image: reg.example.com/shop/db:18
        runs sha256:2bd0a7c32bd0…, will run sha256:9c1e4f019c1e…
        no pod runs now
        note: it is suspended: no run uses the new image until it is resumed

      rollout.argoproj.io/front, container app   stale
        - image: reg.example.com/shop/db:17
        + image: reg.example.com/shop/db:18
        runs sha256:2bd0a7c32bd0…, will run sha256:9c1e4f019c1e…
        2 pods are replaced

      skipped deployment/web, container migrate (init): it is not in the template:
        something adds it to the pods
      refused deployment/api: the tag `1.1` is taken: it holds cc22dd33cc22…
      refused job/import: the template of a Job cannot be changed
    ");
}

#[test]
fn what_is_done_is_only_looked_at() {
    assert_snapshot!(paged(&samples::done(), Some(80)), @"
    Plan: nothing to change, 1 workload to make sure of

      deployment/awesomeapp, container app   fresh
          image: reg.example.com/cp-enablement/awesomeapp:1.1
        as planned already; runs sha256:9c1e4f019c1e… and goes on running it
        2 pods are looked at
    ");
}

#[test]
fn the_way_back_names_the_content() {
    assert_snapshot!(paged(&samples::undo(false), Some(80)), @"
    Plan: 1 workload to patch, 2 pods to replace

      deployment/awesomeapp, container app
        - image: reg.example.com/cp-enablement/awesomeapp:1.1
        + image: reg.example.com/cp-enablement/awesomeapp:1.0@sha256:2bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c3
        will run sha256:2bd0a7c32bd0…
        2 pods are replaced
    ");
    assert_snapshot!(paged(&samples::kept(), Some(80)), @"
    Plan: 1 workload to patch

      deployment/awesomeapp, container app
        - image: reg.example.com/cp-enablement/awesomeapp:1.1
        + image: reg.example.com/cp-enablement/awesomeapp:1.0
        will run sha256:2bd0a7c32bd0…
        2 pods run on, and none is replaced
        note: what it was changed to never started: the template is put back as it
          was, and no pod is replaced; a new pod gets whatever
          `reg.example.com/cp-enablement/awesomeapp:1.0` points to by then
    ");
    assert_snapshot!(paged(&samples::undo(true), Some(80)), @"
    Plan: nothing to change, 1 workload to make sure of

      deployment/awesomeapp, container app
          image: reg.example.com/cp-enablement/awesomeapp:1.0@sha256:2bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c3
        as planned already; has to run sha256:2bd0a7c32bd0…
        2 pods are looked at
        note: the last undo was not proven yet: it is finished, and nothing more
          is taken back
    ");
}

#[test]
fn an_empty_plan_says_so() {
    assert_eq!(paged(&Plan::default(), None), "Plan: nothing to change\n");
    let refused = Plan { skipped: samples::kinds().skipped, ..Plan::default() };
    assert_snapshot!(paged(&refused, None), @"
    Plan: nothing to change

      skipped deployment/web, container migrate (init): it is not in the template: something adds it to the pods
      refused deployment/api: the tag `1.1` is taken: it holds cc22dd33cc22…
      refused job/import: the template of a Job cannot be changed
    ");
}

#[test]
fn content_that_no_tag_serves_is_what_runs() {
    let mut plan = samples::deployment("1.0.1", samples::old());
    plan.tags = samples::story().tags;
    plan.tags[0].tag = "1.0.1".to_owned();
    plan.tags[0].digest = samples::old();
    assert!(paged(&plan, None).contains("gets the bytes that run now, sha256:2bd0a7c32bd0…; nothing is rebuilt\n"));
}

#[test]
fn prose_is_broken_on_a_terminal_and_references_never() {
    let plan = samples::kinds();
    let (narrow, wide) = (paged(&plan, Some(40)), paged(&plan, None));
    for target in &plan.targets {
        for change in &target.changes {
            assert!(narrow.lines().any(|line| line.contains(&change.new_image)), "{}", change.new_image);
        }
    }
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&narrow), words(&wide));
    assert!(narrow.lines().count() > wide.lines().count());
}

#[test]
fn colours_change_no_text_and_break_no_line() {
    let place = place();
    let painted = page(&samples::kinds(), &Options { width: Some(80), palette: Palette::new(true), place: &place });
    assert!(painted.contains("\u{1b}["));
    assert_eq!(anstream::adapter::strip_str(&painted).to_string(), paged(&samples::kinds(), Some(80)));
}

#[test]
fn a_namespace_is_said_where_it_is_another_one() {
    let elsewhere = Place { namespace: None, default_namespace: "default".to_owned(), ..place() };
    let options = Options { width: None, palette: Palette::plain(), place: &elsewhere };
    assert!(page(&samples::story(), &options).contains("\n  shop/deployment/awesomeapp, container app   stale\n"));
}

#[test]
fn the_diff_is_that_of_the_objects() {
    assert_snapshot!(printed(&samples::story(), PlanFormat::Diff), @r#"
    --- live/shop/deployment.apps/awesomeapp
    +++ planned/shop/deployment.apps/awesomeapp
    @@ -2,6 +2,8 @@
     kind: Deployment
     metadata:
       annotations:
    +    kubectl-freshimage/history: "{\"changes\":[{\"revision\":1,\"on\":0,\"at\":\"2026-11-23T12:00:00Z\",\"containers\":[{\"name\":\"app\",\"type\":\"container\",\"from\":\"reg.example.com/cp-enablement/awesomeapp:1.0\",\"to\":\"reg.example.com/cp-enablement/awesomeapp:1.1\",\"digest\":\"sha256:9c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f01\",\"back\":\"reg.example.com/cp-enablement/awesomeapp:1.0@sha256:2bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c3\"}],\"proven\":false}]}"
    +    kubernetes.io/change-cause: "kubectl freshimage bump: app to reg.example.com/cp-enablement/awesomeapp:1.1"
         team: a
       name: awesomeapp
       namespace: shop
    @@ -14,6 +16,6 @@
             app: awesomeapp
         spec:
           containers:
    -      - image: reg.example.com/cp-enablement/awesomeapp:1.0
    +      - image: reg.example.com/cp-enablement/awesomeapp:1.1
             imagePullPolicy: IfNotPresent
             name: app
    "#);
    assert_eq!(printed(&samples::done(), PlanFormat::Diff), "");
}

#[test]
fn names_are_those_of_kubectl() {
    assert_snapshot!(printed(&samples::kinds(), PlanFormat::Name), @"
    deployment.apps/web
    statefulset.apps/db
    deployment.apps/asleep
    deployment.apps/empty
    daemonset.apps/agent
    replicaset.apps/bare
    pod/shell
    cronjob.batch/nightly
    rollout.argoproj.io/front
    ");
}

#[test]
fn json_and_yaml_hold_every_fact() {
    let json = printed(&samples::story(), PlanFormat::Json);
    assert_snapshot!(json, @r#"
    {
        "apiVersion": "kubectl-freshimage/v1",
        "kind": "Plan",
        "tags": [
            {
                "repository": "reg.example.com/cp-enablement/awesomeapp",
                "tag": "1.1",
                "digest": "sha256:9c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f01",
                "exists": false,
                "evidence": "next by the repository's own scheme (1.0, 0.9, 0.8)"
            }
        ],
        "targets": [
            {
                "namespace": "shop",
                "workload": {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": "awesomeapp"
                },
                "changes": [
                    {
                        "container": {
                            "name": "app",
                            "type": "container"
                        },
                        "verdict": "stale",
                        "image": "reg.example.com/cp-enablement/awesomeapp:1.0",
                        "running": [
                            "sha256:2bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c3"
                        ],
                        "servedDigest": "sha256:9c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f01",
                        "newImage": "reg.example.com/cp-enablement/awesomeapp:1.1",
                        "digest": "sha256:9c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f01",
                        "done": false,
                        "back": "reg.example.com/cp-enablement/awesomeapp:1.0@sha256:2bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c3"
                    }
                ],
                "patch": [
                    {
                        "op": "test",
                        "path": "/metadata/uid",
                        "value": "u-1"
                    },
                    {
                        "op": "test",
                        "path": "/spec/template/spec/containers/0/name",
                        "value": "app"
                    },
                    {
                        "op": "test",
                        "path": "/spec/template/spec/containers/0/image",
                        "value": "reg.example.com/cp-enablement/awesomeapp:1.0"
                    },
                    {
                        "op": "test",
                        "path": "/metadata/annotations/kubectl-freshimage~1history",
                        "value": null
                    },
                    {
                        "op": "replace",
                        "path": "/spec/template/spec/containers/0/image",
                        "value": "reg.example.com/cp-enablement/awesomeapp:1.1"
                    },
                    {
                        "op": "add",
                        "path": "/metadata/annotations/kubectl-freshimage~1history",
                        "value": "{\"changes\":[{\"revision\":1,\"on\":0,\"at\":\"2026-11-23T12:00:00Z\",\"containers\":[{\"name\":\"app\",\"type\":\"container\",\"from\":\"reg.example.com/cp-enablement/awesomeapp:1.0\",\"to\":\"reg.example.com/cp-enablement/awesomeapp:1.1\",\"digest\":\"sha256:9c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f01\",\"back\":\"reg.example.com/cp-enablement/awesomeapp:1.0@sha256:2bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c3\"}],\"proven\":false}]}"
                    },
                    {
                        "op": "add",
                        "path": "/metadata/annotations/kubernetes.io~1change-cause",
                        "value": "kubectl freshimage bump: app to reg.example.com/cp-enablement/awesomeapp:1.1"
                    }
                ],
                "rollout": {
                    "kind": "rollout",
                    "pods": 2
                }
            }
        ],
        "skipped": []
    }
    "#);
    let yaml: serde_json::Value = serde_saphyr::from_str(&printed(&samples::kinds(), PlanFormat::Yaml)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&printed(&samples::kinds(), PlanFormat::Json)).unwrap();
    assert_eq!(yaml, json);
}

#[test]
fn questions_name_the_risk() {
    assert_eq!(question(&samples::story()), "Apply?");
    assert_eq!(question(&samples::kinds()), "Apply, although deployment/web will be put back by its owner?");
    assert_eq!(
        way_back_question(&samples::story().targets[0], "it crashes"),
        "deployment/awesomeapp: it crashes. Go back to what ran before?"
    );
    assert_eq!(
        way_back_question(&samples::kinds().targets[1], "it crashes"),
        "statefulset/db: it crashes. Go back to what ran before, and delete a pod that blocks it?"
    );
}

#[test]
fn whoever_owns_the_definition_is_named_with_the_way_out() {
    let mut target = samples::story().targets.remove(0);
    assert_eq!(owned_elsewhere(&target), None);
    for (tool, expected) in [
        (
            "Argo CD",
            "Argo CD application `shop` owns it and will put the image back; change it in the repository that the application is made from too, or say `--force`",
        ),
        (
            "Flux",
            "Flux object `shop` owns it and will put the image back; change it in the repository that it is made from too, or say `--force`",
        ),
        (
            "Helm",
            "Helm release `shop` owns it and will put the image back at its next upgrade; change it in the values or the chart of the release too, or say `--force`",
        ),
        (
            "operator",
            "the operator of `shop` owns it and will put the image back; change it in that object too, or say `--force`",
        ),
        (
            "OpenShift",
            "OpenShift image stream tag `shop` owns it and will put the image back; change it in the image stream too, or say `--force`",
        ),
    ] {
        target.managers = vec![crate::domain::workload::Manager { tool: tool.to_owned(), name: "shop".to_owned() }];
        let (reason, hint) = owned_elsewhere(&target).unwrap();
        assert_eq!(format!("{reason}; {hint}"), expected);
    }
}

#[test]
fn every_verdict_stands_beside_its_container() {
    let mut plan = samples::story();
    for verdict in Verdict::ALL {
        plan.targets[0].changes[0].verdict = Some(verdict);
        assert!(paged(&plan, None).contains(&format!("container app   {}\n", verdict.as_str())));
    }
}

#[test]
fn nothing_from_outside_steers_the_terminal() {
    let plan = samples::hostile();
    let mut texts = vec![paged(&plan, None), paged(&plan, Some(60)), question(&plan)];
    texts.extend(
        [PlanFormat::Diff, PlanFormat::Name, PlanFormat::Json, PlanFormat::Yaml].map(|format| printed(&plan, format)),
    );
    texts.push(way_back_question(&plan.targets[0], "\u{1b}[2J\u{202e}"));
    texts.push(nothing_to_do(&Place { namespace: Some("\u{1b}[2J".to_owned()), ..place() }));
    texts.push(note("\u{1b}[2J", Palette::plain()));
    texts.extend(plan.targets.iter().filter_map(owned_elsewhere).map(|(reason, hint)| reason + &hint));
    for text in texts {
        let bad = text.chars().find(|character| *character != '\n' && is_unprintable(*character));
        assert_eq!(bad, None, "{text:?}");
    }
}
