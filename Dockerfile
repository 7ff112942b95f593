# One static binary, the CAs that the web trusts, and nothing else:
#
#   docker build --tag servicecidr-guard:0.1.0 --build-arg SERVICECIDR_GUARD_COMMIT="$(git rev-parse HEAD)" .
#
# For both architectures, and the same bytes each time:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" …

FROM rust:1.95-slim-trixie AS build
WORKDIR /src
# It writes the list of crates into the binary, where `cargo audit bin` and image scanners find it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo install --quiet --locked --root /usr/local cargo-auditable@0.7.7
COPY . .
# The build writes it into the binary, and /metrics shows it.
ARG SERVICECIDR_GUARD_COMMIT=unknown
# With --target, the flags are for the binary alone: procedural macros can't be linked statically.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    target=$(rustc --print host-tuple) && \
    RUSTFLAGS="-C target-feature=+crt-static" \
    cargo auditable build --release --locked --bin servicecidr-guard --target "$target" && \
    cp "target/$target/release/servicecidr-guard" /servicecidr-guard

FROM scratch
ARG VERSION=0.1.0
ARG SERVICECIDR_GUARD_COMMIT=unknown
LABEL org.opencontainers.image.title="servicecidr-guard" \
      org.opencontainers.image.description="Validating admission webhook that guards the ServiceCIDRs of a Kubernetes cluster" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$SERVICECIDR_GUARD_COMMIT"
# For the commands that ask a cluster whose certificate a public CA has signed.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /servicecidr-guard /servicecidr-guard
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["/servicecidr-guard"]
CMD ["serve"]
