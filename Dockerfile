# syntax=docker/dockerfile:1

# The builder runs on the builder's own architecture and compiles for the target's. Its version is go.mod's.
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src

COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download

COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=development
# timetzdata puts the time zones into the binary; the final stage has no files but those named there.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -tags timetzdata -ldflags "-s -w -X main.version=$VERSION" -o /out/verbatim ./cmd/verbatim && \
    install -d -m 0700 /out/data && install -d -m 1777 /out/tmp

# Nothing but the program: no shell, no package manager, no other user.
FROM scratch
ARG VERSION=development
ARG REVISION=
LABEL org.opencontainers.image.title="Verbatim" \
      org.opencontainers.image.description="Ship what you tested. Verbatim." \
      org.opencontainers.image.source="https://github.com/verbatim-dev/verbatim" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /out/tmp /tmp
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/verbatim /verbatim

# /metrics stays on the container's loopback unless VERBATIM_METRICS_ADDR says otherwise.
ENV VERBATIM_ADDR=0.0.0.0:8080 \
    VERBATIM_DATABASE_URL=sqlite:/data/verbatim.db
USER 65532:65532
VOLUME ["/data"]
EXPOSE 8080
ENTRYPOINT ["/verbatim"]
CMD ["serve"]
