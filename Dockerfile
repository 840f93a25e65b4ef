# The server in a small image, run by a user without rights.
#
#   docker build -t switchboard .
#   docker run --stop-timeout 30 -p 6996:6996 -v switchboard:/data \
#     -e SWITCHBOARD__HTTP__PUBLIC_URL=http://192.0.2.10:6996 switchboard
#
# Building needs BuildKit (the default since Docker 23) for the cache mounts: they keep
# the compiled dependencies, so that a change in src/ compiles only src/.
#
# To build on images that you have looked at, name them by their digests:
#   --build-arg BUILD_IMAGE=rust@sha256:… --build-arg RUN_IMAGE=debian@sha256:…

ARG BUILD_IMAGE=rust:1-bookworm
ARG RUN_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends libssl-dev pkg-config \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --profile dist --locked \
 && cp target/dist/switchboard /usr/local/bin/switchboard

FROM ${RUN_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libssl3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --home-dir /data --no-create-home switchboard \
 && install -d -o switchboard -g switchboard -m 0700 /data /data/keys
COPY --from=build /usr/local/bin/switchboard /usr/local/bin/switchboard

# All addresses of the container: what is reachable from outside is for `-p` to say.
ENV SWITCHBOARD__HTTP__LISTEN=0.0.0.0:6996 \
    SWITCHBOARD__STORE__URL=sqlite:/data/switchboard.db \
    SWITCHBOARD__KEYS__DIR=/data/keys

# The store and the keys. A store is unreadable without its keys: keep them together.
VOLUME /data
WORKDIR /data
USER switchboard
EXPOSE 6996
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["switchboard", "health"]
ENTRYPOINT ["switchboard"]
CMD ["serve"]
