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
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_needs_command" -f -a "completion" -d 'Print a completion script'
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -s l -l selector -d 'Label selector of the pods, such as app=web,tier!=db' -r
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l field-selector -d 'Field selector of the pods, such as spec.nodeName=node-a' -r
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
suspect\t'most likely stale: what runs is gone from the registry, so it can\'t be proven'
unknown\t'could not be decided; the reason says why'
unpublished\t'the registry has no such tag'
local\t'the image was put on the node, no registry can tell'
rolling\t'a rollout to another reference is under way'
pinned\t'the reference has a digest'
rewrapped\t'the same content, published under another digest; counts as fresh'
fresh\t'runs what the tag stands for now'
waiting\t'nothing runs yet that could be judged'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l fail-on -d 'Exit with code 10 if there is one of these verdicts or findings, separated by commas; with 11 if only unknown was found' -r -f -a "stale\t'runs other content than the tag stands for now, proven'
mixed\t'replicas run different contents under one reference'
suspect\t'most likely stale: what runs is gone from the registry, so it can\'t be proven'
unknown\t'could not be decided; the reason says why'
unpublished\t'the registry has no such tag'
local\t'the image was put on the node, no registry can tell'
rolling\t'a rollout to another reference is under way'
pinned\t'the reference has a digest'
rewrapped\t'the same content, published under another digest; counts as fresh'
fresh\t'runs what the tag stands for now'
waiting\t'nothing runs yet that could be judged'
floating-tag\t''
moved-tag\t''
always-pull\t''
pull-never\t''
image-volume\t''
gitops-owned\t''"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand diagnose" -l insecure-registry -d 'Registry, by host or host:port, that may be asked by plain http or with a certificate that cannot be verified; may be given several times' -r
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
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -s o -l output -d 'Output format: json or yaml; a page of text if not given' -r -f -a "json\t'Every fact, as JSON'
yaml\t'Every fact, as YAML'"
complete -c kubectl-freshimage -n "__fish_kubectl_freshimage_using_subcommand explain" -l insecure-registry -d 'Registry, by host or host:port, that may be asked by plain http or with a certificate that cannot be verified; may be given several times' -r
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
