# syntax=docker/dockerfile:1
# The gate in an image without shell or package manager, as an ordinary user: `docker build -t portcullis .`
# Both programs are in it; `portcullis` is the entry. They link the C library and nothing else.

FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /build
# What compiles, and nothing else, so that a changed page of the docs does not compile it again.
COPY . .
# The caches hold the registry and the objects of earlier builds; what is shipped has to leave them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --profile dist --bins \
    && install -D -t /out target/dist/portcullis target/dist/portcullis-verify \
    && install -d /data

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="portcullis" \
      org.opencontainers.image.description="A policy gate for Bitbucket Cloud and Data Center" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/ /usr/local/bin/
# Store, keys and operator token: a volume that ordinary users may write to.
COPY --from=build --chown=65532:65532 /data /var/lib/portcullis
VOLUME /var/lib/portcullis
# Commands run in this folder find the operator token in it.
WORKDIR /var/lib/portcullis
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
# Public and operator listener, once the configuration lets them listen beyond loopback.
EXPOSE 8080 8081
# No HEALTHCHECK: there is no shell to ask /livez with. Kubernetes and others ask the operator listener themselves.
ENTRYPOINT ["/usr/local/bin/portcullis"]
CMD ["serve", "--config", "/etc/portcullis/portcullis.toml"]
