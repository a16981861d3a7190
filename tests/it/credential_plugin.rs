//! What a kubeconfig's credential plugin says to the person who runs it.

use crate::program::run;

#[test]
fn what_a_plugin_asks_and_complains_about_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let plugin = "{apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, interactiveMode: Never, \
                  args: [-c, 'echo open https://login.example.com and enter ABCD >&2; echo s3cr3t; exit 3']}";
    let config = format!(
        "current-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: 'http://127.0.0.1:1'}}}}]\n\
         users: [{{name: a, user: {{exec: {plugin}}}}}]\n"
    );
    std::fs::write(&path, config).unwrap();
    let ended = run(&["diagnose", "--kubeconfig", path.to_str().unwrap()]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.starts_with("open https://login.example.com and enter ABCD\n"), "{}", ended.stderr);
    assert!(ended.stderr.contains("caused by: exit status: 3"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("s3cr3t") && ended.stdout.is_empty());
}
