# Completes `kubectl-freshimage …`. For `kubectl freshimage …` kubectl asks a program of its own; install it with
#   kubectl freshimage completion kubectl > ~/.local/bin/kubectl_complete-freshimage
#   chmod +x ~/.local/bin/kubectl_complete-freshimage
# (any folder on PATH will do)
# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_kubectl_freshimage_global_optspecs
    string join \n n/namespace= context= cluster= user= kubeconfig= s/server= token= as= as-group= as-uid= certificate-authority= client-certificate= client-key= insecure-skip-tls-verify tls-server-name= request-timeout= color= h/help V/version
end

function __fish_kubectl_freshimage_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_kubectl_freshimage_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_kubectl_freshimage_using_subcommand
    set -l cmd (__fish_kubectl_freshimage_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -s n -l namespace -d 'The namespace to look at; the context\'s if not given' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l context -d 'The kubeconfig context to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l cluster -d 'The kubeconfig cluster to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l user -d 'The kubeconfig user to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l kubeconfig -d 'The kubeconfig file to use, instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -s s -l server -d 'Address and port of the Kubernetes API server' -r -f
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l as -d 'User to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l as-group -d 'Group to impersonate; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l certificate-authority -d 'Certificate authority of the API server' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l client-certificate -d 'Client certificate for TLS' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l tls-server-name -d 'Name to expect in the API server\'s certificate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l request-timeout -d 'How long one request may take: 5, 30s, 1m30s; 0 is without end' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l color -d 'Colour the output: auto (on a terminal only), always or never' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -l insecure-skip-tls-verify -d 'Do not verify the API server\'s certificate (insecure)'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -s h -l help -d 'Print help'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -s V -l version -d 'Print the version'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -f -a "diagnose" -d 'Say for each container whether it runs what its tag stands for now'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -f -a "explain" -d 'Show the whole proof for one workload'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -f -a "bump" -d 'Give workloads the served content under a name that stays'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -f -a "pin" -d 'Write the digest into the reference: bump --to digest'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -f -a "undo" -d 'Go back to exactly the content that ran before the last bump'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -f -a "history" -d 'Show what bump, pin and undo changed in a workload'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -f -a "next-tag" -d 'Print the next unique tag of an image'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -f -a "completion" -d 'Print a completion script'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -s l -l selector -d 'Label selector of the pods, such as app=web,tier!=db' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l field-selector -d 'Field selector of the pods, such as spec.nodeName=node-a' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l exclude -d 'Leave out what fits KEY=PATTERN, separated by commas: container, kind, namespace or image; * is any text' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -s o -l output -d 'Output format: json, yaml, name or wide; a table if not given' -r -f -a "json\t'Every fact, as JSON'
yaml\t'Every fact, as YAML'
name\t'Names of workloads alone, one a line'
wide\t'The table with digests, nodes, policy, age and findings'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l sort-by -d 'Sort rows by workload, verdict (worst first), image, pods (most first) or age (oldest first)' -r -f -a "workload\t'By namespace and workload'
verdict\t'Worst first'
image\t'By the reference as written'
pods\t'Most pods first'
age\t'Oldest pods first'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l only -d 'Show only these verdicts, separated by commas' -r -f -a "stale\t'runs other content than the tag stands for now, proven'
mixed\t'replicas run different contents under one reference'
suspect\t'most likely stale: the registry does not have what runs, so it can\'t be proven'
stuck\t'a rollout cannot go on; the old pods keep running'
unknown\t'could not be decided; the reason says why'
unpublished\t'the registry has no such tag'
local\t'the image was loaded on the node, and no registry has anything to compare it with'
rolling\t'a rollout to another reference is under way'
pinned\t'the reference has a digest'
rewrapped\t'the same content, published under another digest; counts as fresh'
fresh\t'runs what the tag stands for now'
waiting\t'nothing runs yet that could be judged'
ended\t'it has ended, and nothing of it runs'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l fail-on -d 'Exit with code 10 if there is one of these verdicts or findings, separated by commas; with 11 if only unknown was found' -r -f -a "stale\t'runs other content than the tag stands for now, proven'
mixed\t'replicas run different contents under one reference'
suspect\t'most likely stale: the registry does not have what runs, so it can\'t be proven'
stuck\t'a rollout cannot go on; the old pods keep running'
unknown\t'could not be decided; the reason says why'
unpublished\t'the registry has no such tag'
local\t'the image was loaded on the node, and no registry has anything to compare it with'
rolling\t'a rollout to another reference is under way'
pinned\t'the reference has a digest'
rewrapped\t'the same content, published under another digest; counts as fresh'
fresh\t'runs what the tag stands for now'
waiting\t'nothing runs yet that could be judged'
ended\t'it has ended, and nothing of it runs'
floating-tag\t''
moved-tag\t''
always-pull\t''
pull-never\t''
image-volume\t''
gitops-owned\t''
next-start-fails\t''
injected\t''"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l insecure-registry -d 'Registry, by host or host:port, that may be asked by plain http or with a certificate that cannot be verified; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l registry-mirror -d 'Where to ask for what pods pull from a registry, HOST=URL, such as registry.localhost:5000=http://localhost:5001; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -s n -l namespace -d 'The namespace to look at; the context\'s if not given' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l context -d 'The kubeconfig context to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l cluster -d 'The kubeconfig cluster to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l user -d 'The kubeconfig user to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l kubeconfig -d 'The kubeconfig file to use, instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -s s -l server -d 'Address and port of the Kubernetes API server' -r -f
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l as -d 'User to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l as-group -d 'Group to impersonate; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l certificate-authority -d 'Certificate authority of the API server' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l client-certificate -d 'Client certificate for TLS' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l tls-server-name -d 'Name to expect in the API server\'s certificate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l request-timeout -d 'How long one request may take: 5, 30s, 1m30s; 0 is without end' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l color -d 'Colour the output: auto (on a terminal only), always or never' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -s A -l all-namespaces -d 'Look at all namespaces'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l no-headers -d 'Leave out the table\'s heads'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l insecure-skip-tls-verify -d 'Do not verify the API server\'s certificate (insecure)'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -s h -l help -d 'Print help'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -s c -l container -d 'Explain this container (or image volume) only' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l exclude -d 'Leave out what fits KEY=PATTERN, separated by commas: container, kind, namespace or image; * is any text' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -s o -l output -d 'Output format: json or yaml; a page of text if not given' -r -f -a "json\t'Every fact, as JSON'
yaml\t'Every fact, as YAML'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l insecure-registry -d 'Registry, by host or host:port, that may be asked by plain http or with a certificate that cannot be verified; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l registry-mirror -d 'Where to ask for what pods pull from a registry, HOST=URL, such as registry.localhost:5000=http://localhost:5001; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -s n -l namespace -d 'The namespace to look at; the context\'s if not given' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l context -d 'The kubeconfig context to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l cluster -d 'The kubeconfig cluster to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l user -d 'The kubeconfig user to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l kubeconfig -d 'The kubeconfig file to use, instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -s s -l server -d 'Address and port of the Kubernetes API server' -r -f
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l as -d 'User to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l as-group -d 'Group to impersonate; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l certificate-authority -d 'Certificate authority of the API server' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l client-certificate -d 'Client certificate for TLS' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l tls-server-name -d 'Name to expect in the API server\'s certificate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l request-timeout -d 'How long one request may take: 5, 30s, 1m30s; 0 is without end' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l color -d 'Colour the output: auto (on a terminal only), always or never' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l insecure-skip-tls-verify -d 'Do not verify the API server\'s certificate (insecure)'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -s h -l help -d 'Print help'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -s l -l selector -d 'Label selector of the pods, such as app=web,tier!=db' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -s c -l container -d 'Change only these containers or image volumes; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l exclude -d 'Leave out what fits KEY=PATTERN, separated by commas: container, kind, namespace or image; * is any text' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l to -d 'The way: tag, tag=NAME, digest, existing=NAME or always-pull' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l set -d 'The image of a container, init container or image volume, instead of --to; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l scheme -d 'How the next tag is made: auto, increment, semver, date or digest' -r -f -a "auto\t'The one that the repository\'s tags follow'
increment\t'A number that counts up'
semver\t'A version'
date\t'The day'
digest\t'The content\'s digest'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l bump -d 'Which part of a version counts up: major, minor or patch' -r -f -a "major\t'1.4.2 → 2.0.0'
minor\t'1.4.2 → 1.5.0'
patch\t'1.4.2 → 1.4.3'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l content -d 'Which content: served (what the tag stands for now) or running (what the pods run now)' -r -f -a "served\t'What the tag stands for now'
running\t'What the pods run now'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l dry-run -d 'Print the plan and stop: client by itself, server after the API server has judged each patch; none does it' -r -f -a "none\t'It is done'
client\t'The plan is printed'
server\t'The plan is printed, and the API server has judged each patch'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l timeout -d 'How long a workload may take until its new pods run: 90s, 5m; 0 is without end' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l settle -d 'How long new containers have to run without a restart before they count; at least minReadySeconds [default: 2s]' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l max-parallel -d 'How many workloads are changed at once' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l field-manager -d 'Name of the manager of the fields that are changed' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -s o -l output -d 'Format: json or yaml (the outcome, or with --dry-run the plan), diff or name; text if not given' -r -f -a "json\t'The outcome, or with --dry-run the plan, as JSON'
yaml\t'The outcome, or with --dry-run the plan, as YAML'
diff\t'What would change in the objects, as a diff'
name\t'Names of the workloads alone, one a line'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l insecure-registry -d 'Registry, by host or host:port, that may be asked by plain http or with a certificate that cannot be verified; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l registry-mirror -d 'Where to ask for what pods pull from a registry, HOST=URL, such as registry.localhost:5000=http://localhost:5001; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -s n -l namespace -d 'The namespace to look at; the context\'s if not given' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l context -d 'The kubeconfig context to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l cluster -d 'The kubeconfig cluster to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l user -d 'The kubeconfig user to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l kubeconfig -d 'The kubeconfig file to use, instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -s s -l server -d 'Address and port of the Kubernetes API server' -r -f
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l as -d 'User to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l as-group -d 'Group to impersonate; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l certificate-authority -d 'Certificate authority of the API server' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l client-certificate -d 'Client certificate for TLS' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l tls-server-name -d 'Name to expect in the API server\'s certificate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l request-timeout -d 'How long one request may take: 5, 30s, 1m30s; 0 is without end' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l color -d 'Colour the output: auto (on a terminal only), always or never' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l all -d 'Everything that runs old content'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -s A -l all-namespaces -d 'Look at all namespaces'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -s y -l yes -d 'Do it without asking'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l force -d 'Change also what another tool or an operator will put back'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l keep-going -d 'Do what can be done where a part is refused; otherwise nothing is done then'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l no-wait -d 'Do not wait for the pods, and prove nothing'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l rollback -d 'Go back by itself where the new content does not come to run'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -l insecure-skip-tls-verify -d 'Do not verify the API server\'s certificate (insecure)'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand bump" -s h -l help -d 'Print help'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -s l -l selector -d 'Label selector of the pods, such as app=web,tier!=db' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -s c -l container -d 'Change only these containers or image volumes; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l exclude -d 'Leave out what fits KEY=PATTERN, separated by commas: container, kind, namespace or image; * is any text' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l content -d 'Which content: served (what the tag stands for now) or running (what the pods run now)' -r -f -a "served\t'What the tag stands for now'
running\t'What the pods run now'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l dry-run -d 'Print the plan and stop: client by itself, server after the API server has judged each patch; none does it' -r -f -a "none\t'It is done'
client\t'The plan is printed'
server\t'The plan is printed, and the API server has judged each patch'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l timeout -d 'How long a workload may take until its new pods run: 90s, 5m; 0 is without end' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l settle -d 'How long new containers have to run without a restart before they count; at least minReadySeconds [default: 2s]' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l max-parallel -d 'How many workloads are changed at once' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l field-manager -d 'Name of the manager of the fields that are changed' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -s o -l output -d 'Format: json or yaml (the outcome, or with --dry-run the plan), diff or name; text if not given' -r -f -a "json\t'The outcome, or with --dry-run the plan, as JSON'
yaml\t'The outcome, or with --dry-run the plan, as YAML'
diff\t'What would change in the objects, as a diff'
name\t'Names of the workloads alone, one a line'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l insecure-registry -d 'Registry, by host or host:port, that may be asked by plain http or with a certificate that cannot be verified; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l registry-mirror -d 'Where to ask for what pods pull from a registry, HOST=URL, such as registry.localhost:5000=http://localhost:5001; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -s n -l namespace -d 'The namespace to look at; the context\'s if not given' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l context -d 'The kubeconfig context to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l cluster -d 'The kubeconfig cluster to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l user -d 'The kubeconfig user to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l kubeconfig -d 'The kubeconfig file to use, instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -s s -l server -d 'Address and port of the Kubernetes API server' -r -f
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l as -d 'User to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l as-group -d 'Group to impersonate; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l certificate-authority -d 'Certificate authority of the API server' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l client-certificate -d 'Client certificate for TLS' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l tls-server-name -d 'Name to expect in the API server\'s certificate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l request-timeout -d 'How long one request may take: 5, 30s, 1m30s; 0 is without end' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l color -d 'Colour the output: auto (on a terminal only), always or never' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l all -d 'Everything that runs old content'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -s A -l all-namespaces -d 'Look at all namespaces'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -s y -l yes -d 'Do it without asking'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l force -d 'Change also what another tool or an operator will put back'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l keep-going -d 'Do what can be done where a part is refused; otherwise nothing is done then'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l no-wait -d 'Do not wait for the pods, and prove nothing'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l rollback -d 'Go back by itself where the new content does not come to run'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -l insecure-skip-tls-verify -d 'Do not verify the API server\'s certificate (insecure)'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand pin" -s h -l help -d 'Print help'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -s l -l selector -d 'Label selector, such as app=web,tier!=db' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l run -d 'Only what this run of a command changed last; the outcome of each run names it' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l to-revision -d 'Go to this revision; 0 is what ran before the first change that is known' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l dry-run -d 'Print the plan and stop: client by itself, server after the API server has judged each patch; none does it' -r -f -a "none\t'It is done'
client\t'The plan is printed'
server\t'The plan is printed, and the API server has judged each patch'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l timeout -d 'How long a workload may take until its new pods run: 90s, 5m; 0 is without end' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l settle -d 'How long new containers have to run without a restart before they count; at least minReadySeconds [default: 2s]' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l max-parallel -d 'How many workloads are changed at once' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l field-manager -d 'Name of the manager of the fields that are changed' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -s o -l output -d 'Format: json or yaml (the outcome, or with --dry-run the plan), diff or name; text if not given' -r -f -a "json\t'The outcome, or with --dry-run the plan, as JSON'
yaml\t'The outcome, or with --dry-run the plan, as YAML'
diff\t'What would change in the objects, as a diff'
name\t'Names of the workloads alone, one a line'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l insecure-registry -d 'Registry, by host or host:port, that may be asked by plain http or with a certificate that cannot be verified; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l registry-mirror -d 'Where to ask for what pods pull from a registry, HOST=URL, such as registry.localhost:5000=http://localhost:5001; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -s n -l namespace -d 'The namespace to look at; the context\'s if not given' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l context -d 'The kubeconfig context to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l cluster -d 'The kubeconfig cluster to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l user -d 'The kubeconfig user to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l kubeconfig -d 'The kubeconfig file to use, instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -s s -l server -d 'Address and port of the Kubernetes API server' -r -f
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l as -d 'User to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l as-group -d 'Group to impersonate; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l certificate-authority -d 'Certificate authority of the API server' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l client-certificate -d 'Client certificate for TLS' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l tls-server-name -d 'Name to expect in the API server\'s certificate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l request-timeout -d 'How long one request may take: 5, 30s, 1m30s; 0 is without end' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l color -d 'Colour the output: auto (on a terminal only), always or never' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l all -d 'Everything that was changed'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -s A -l all-namespaces -d 'Look at all namespaces'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -s y -l yes -d 'Do it without asking'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l force -d 'Change also what another tool or an operator will put back'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l keep-going -d 'Do what can be done where a part is refused; otherwise nothing is done then'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l no-wait -d 'Do not wait for the pods, and prove nothing'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l rollback -d 'Go back by itself where the new content does not come to run'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -l insecure-skip-tls-verify -d 'Do not verify the API server\'s certificate (insecure)'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand undo" -s h -l help -d 'Print help'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -s o -l output -d 'Format: json or yaml; a table if not given' -r -f -a "json\t'Every fact, as JSON'
yaml\t'Every fact, as YAML'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -s n -l namespace -d 'The namespace to look at; the context\'s if not given' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l context -d 'The kubeconfig context to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l cluster -d 'The kubeconfig cluster to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l user -d 'The kubeconfig user to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l kubeconfig -d 'The kubeconfig file to use, instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -s s -l server -d 'Address and port of the Kubernetes API server' -r -f
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l as -d 'User to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l as-group -d 'Group to impersonate; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l certificate-authority -d 'Certificate authority of the API server' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l client-certificate -d 'Client certificate for TLS' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l tls-server-name -d 'Name to expect in the API server\'s certificate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l request-timeout -d 'How long one request may take: 5, 30s, 1m30s; 0 is without end' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l color -d 'Colour the output: auto (on a terminal only), always or never' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -l insecure-skip-tls-verify -d 'Do not verify the API server\'s certificate (insecure)'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand history" -s h -l help -d 'Print help'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l scheme -d 'How the next tag is made: auto, increment, semver, date or digest' -r -f -a "auto\t'The one that the repository\'s tags follow'
increment\t'A number that counts up'
semver\t'A version'
date\t'The day'
digest\t'The content\'s digest'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l bump -d 'Which part of a version counts up: major, minor or patch' -r -f -a "major\t'1.4.2 → 2.0.0'
minor\t'1.4.2 → 1.5.0'
patch\t'1.4.2 → 1.4.3'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l insecure-registry -d 'Registry, by host or host:port, that may be asked by plain http or with a certificate that cannot be verified; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l registry-mirror -d 'Where to ask for what pods pull from a registry, HOST=URL, such as registry.localhost:5000=http://localhost:5001; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -s n -l namespace -d 'The namespace to look at; the context\'s if not given' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l context -d 'The kubeconfig context to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l cluster -d 'The kubeconfig cluster to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l user -d 'The kubeconfig user to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l kubeconfig -d 'The kubeconfig file to use, instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -s s -l server -d 'Address and port of the Kubernetes API server' -r -f
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l as -d 'User to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l as-group -d 'Group to impersonate; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l certificate-authority -d 'Certificate authority of the API server' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l client-certificate -d 'Client certificate for TLS' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l tls-server-name -d 'Name to expect in the API server\'s certificate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l request-timeout -d 'How long one request may take: 5, 30s, 1m30s; 0 is without end' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l color -d 'Colour the output: auto (on a terminal only), always or never' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l explain -d 'Say on stderr which tags decided, and why'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -l insecure-skip-tls-verify -d 'Do not verify the API server\'s certificate (insecure)'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand next-tag" -s h -l help -d 'Print help'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -s n -l namespace -d 'The namespace to look at; the context\'s if not given' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l context -d 'The kubeconfig context to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l cluster -d 'The kubeconfig cluster to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l user -d 'The kubeconfig user to use' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l kubeconfig -d 'The kubeconfig file to use, instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -s s -l server -d 'Address and port of the Kubernetes API server' -r -f
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l as -d 'User to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l as-group -d 'Group to impersonate; may be given several times' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l certificate-authority -d 'Certificate authority of the API server' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l client-certificate -d 'Client certificate for TLS' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l tls-server-name -d 'Name to expect in the API server\'s certificate' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l request-timeout -d 'How long one request may take: 5, 30s, 1m30s; 0 is without end' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l color -d 'Colour the output: auto (on a terminal only), always or never' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -l insecure-skip-tls-verify -d 'Do not verify the API server\'s certificate (insecure)'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand completion" -s h -l help -d 'Print help'
