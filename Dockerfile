# linflow's image, for the controller and for the nodes: the binary, and the programs that it runs on a node, and nothing
# else. No package manager; a shell only because xfs_admin is a script.
#
#   docker build --tag linflow .                                     builds linflow too (some minutes)
#   docker build --build-arg LINFLOW=prebuilt --tag linflow .        takes target/release/linflow
#
# The bases go by name, so that a rebuild brings Debian's fixes of the C library; a release gives digests in their place
# (--build-arg DEBIAN=debian@sha256:…). What writes to disks is pinned: a version that Debian withdraws stops the build,
# and the new one's defaults are looked at before they reach a volume.
ARG RUST=rust:1.95-slim-bookworm
ARG DEBIAN=debian:bookworm-slim
ARG LINFLOW=build

FROM ${RUST} AS build
# aws-lc-sys, the cryptography of TLS, is C.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc cmake make libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked && install -D target/release/linflow /out/linflow

FROM scratch AS prebuilt
COPY target/release/linflow /out/linflow

FROM ${LINFLOW} AS linflow

FROM ${DEBIAN} AS programs
# `*` takes the suffix of a rebuild, which differs between architectures.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        "e2fsprogs=1.47.0-2*" "xfsprogs=6.1.0-1*" "drbd-utils=9.22.0-1*" ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY deploy/image/collect.sh /collect.sh
RUN sh /collect.sh /collected

FROM scratch
COPY --from=programs /collected/ /
COPY --from=linflow /out/linflow /usr/bin/linflow
ENV PATH=/usr/sbin:/usr/bin
LABEL org.opencontainers.image.title="linflow" \
      org.opencontainers.image.description="A CSI driver for LINSTOR that knows which Airflow workflow a volume belongs to" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-2.0-or-later"
# Nobody; the node plugin is started as root by its DaemonSet.
USER 65532:65532
ENTRYPOINT ["/usr/bin/linflow"]
