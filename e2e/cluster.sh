# Starts a Kubernetes of one node, with kubelet and containerd, in this network namespace.
# shellcheck shell=bash

: "${work:?}" "${cache:?}" "${node:?}" "${node_address:?}" "${sandbox_url:?}" "${repo:?}"

api=https://10.96.0.1:443

# kubeconfig NAME TOKEN
kubeconfig() {
    cat >"$work/$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters: [{name: e2e, cluster: {server: "$api", certificate-authority: "$work/pki/apiserver.crt"}}]
users: [{name: "$1", user: {token: "$2"}}]
contexts: [{name: e2e, context: {cluster: e2e, user: "$1"}}]
current-context: e2e
END
}

# Tokens in place of client certificates: as good in a network that nobody else is in, and readable.
credentials() {
    mkdir -p "$work/pki"
    openssl genrsa -out "$work/pki/accounts.key" 2048 2>/dev/null
    openssl rsa -in "$work/pki/accounts.key" -pubout -out "$work/pki/accounts.pub" 2>/dev/null
    cat >"$work/pki/tokens.csv" <<END
token-admin,admin,admin,system:masters
token-controllers,system:kube-controller-manager,controllers
token-scheduler,system:kube-scheduler,scheduler
token-kubelet,system:node:$node,kubelet,system:nodes
END
    kubeconfig admin token-admin
    kubeconfig controllers token-controllers
    kubeconfig scheduler token-scheduler
    kubeconfig kubelet token-kubelet
}

start_control_plane() {
    credentials
    start etcd etcd --data-dir "$work/etcd" --unsafe-no-fsync
    start kube-apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 --secure-port=443 --advertise-address=10.96.0.1 \
        --cert-dir="$work/pki" --token-auth-file="$work/pki/tokens.csv" --authorization-mode=Node,RBAC \
        --enable-admission-plugins=NodeRestriction --service-cluster-ip-range=10.96.0.0/24 --allow-privileged \
        --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$work/pki/accounts.pub" \
        --service-account-signing-key-file="$work/pki/accounts.key" --kubelet-preferred-address-types=InternalIP
    await 120 "API server" kubectl get --raw /readyz
    start kube-controller-manager kube-controller-manager --kubeconfig="$work/controllers.kubeconfig" --leader-elect=false \
        --use-service-account-credentials --service-account-private-key-file="$work/pki/accounts.key" \
        --root-ca-file="$work/pki/apiserver.crt"
    start kube-scheduler kube-scheduler --kubeconfig="$work/scheduler.kubeconfig" --leader-elect=false
}

start_containerd() {
    mkdir -p "$work/cni"
    cat >"$work/cni/10-pods.conflist" <<'END'
{"cniVersion": "0.4.0", "name": "pods", "plugins": [{
  "type": "bridge", "bridge": "pods0", "isGateway": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
END
    cat >"$work/containerd.toml" <<END
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "linflow.e2e/busybox:1"
  # A machine without CAP_SYS_RESOURCE may not lower a process's OOM score.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$work/cni"
END
    start containerd containerd --config "$work/containerd.toml"
    await 30 "containerd" ctr version
    local archive
    for archive in "$cache"/images/*.tar "$repo/target/image/linflow.tar"; do
        ctr --namespace k8s.io images import "$archive" >/dev/null
    done
}

start_kubelet() {
    cat >"$work/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
# This network is nobody else's.
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
# Kubelet has no systemd here, may be on cgroups of version 1, and its node is a folder of a machine that does other things too.
cgroupDriver: cgroupfs
failCgroupV1: false
cgroupsPerQOS: false
enforceNodeAllocatable: []
localStorageCapacityIsolation: false
failSwapOn: false
# No volume is mounted before kubelet has reported it in use, with its node's status: every ten seconds unless told otherwise.
nodeStatusUpdateFrequency: 1s
# A grown filesystem is noticed when its pod is looked at again: once a minute unless told otherwise.
syncFrequency: 10s
resolvConf: ""
END
    start kubelet kubelet --config="$work/kubelet.yaml" --kubeconfig="$work/kubelet.kubeconfig" --hostname-override="$node" --node-ip="$node_address"
    await 120 "Ready node" kubectl wait --for=condition=Ready "node/$node" --timeout=1s
}

# What a cluster has before any driver with snapshots comes, which helm looks for.
start_snapshots() {
    kubectl apply -k "$cache/crds" >/dev/null
    kubectl wait --for=condition=Established crd --all --timeout=30s >/dev/null
    start snapshot-controller snapshot-controller --kubeconfig="$work/admin.kubeconfig" --feature-gates=CSIVolumeGroupSnapshot=true
}

start_sandbox() {
    start sandbox "$repo/target/release/linflow" sandbox --listen "$node_address:3370" --nodes node-1,node-2,node-3 --state "$work/sandbox"
    await 20 "sandbox" curl -fsS "$sandbox_url/v1/controller/version"
}
