# One static binary and nothing else:
#
#   docker build --tag servicecidr-guard:0.1.0 --build-arg SERVICECIDR_GUARD_COMMIT="$(git rev-parse HEAD)" .

FROM rust:1.95-slim-trixie AS build
WORKDIR /src
COPY . .
# The build writes it into the binary, and /metrics shows it.
ARG SERVICECIDR_GUARD_COMMIT=unknown
# With --target, the flags are for the binary alone: procedural macros can't be linked statically.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    target=$(rustc --print host-tuple) && \
    RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --release --locked --bin servicecidr-guard --target "$target" && \
    cp "target/$target/release/servicecidr-guard" /servicecidr-guard

FROM scratch
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="servicecidr-guard" \
      org.opencontainers.image.description="Validating admission webhook that guards the ServiceCIDRs of a Kubernetes cluster" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /servicecidr-guard /servicecidr-guard
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["/servicecidr-guard"]
CMD ["serve"]
