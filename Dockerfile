# Build: docker build -t ibconnect .        With podman or buildah: podman build --format docker -t ibconnect .
#        (their default format, OCI's, has no health checks)
# Run:   as README says under "Containers".
# PYTHON names the base by its digest, which holds for all processors. CONTRIBUTING.md says how a newer one is taken.
ARG PYTHON=docker.io/library/python:3.11.16-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
FROM ${PYTHON} AS build
ENV UV_NO_CACHE=1
WORKDIR /src
COPY pyproject.toml README.md LICENSE requirements.lock requirements-build.lock ./
COPY tools tools
COPY deploy/install.sh deploy/install.sh
COPY sql sql
COPY web web
COPY ibconnect ibconnect
RUN deploy/install.sh /opt/ibconnect

FROM ${PYTHON}
RUN groupadd --gid 10001 ibconnect \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ibconnect \
    && install --directory --owner=ibconnect --group=ibconnect --mode=0700 /var/lib/ibconnect
COPY --from=build /opt/ibconnect /opt/ibconnect
ENV PATH=/opt/ibconnect/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/var/lib/ibconnect \
    HOST=0.0.0.0 \
    LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/ibconnect
VOLUME /var/lib/ibconnect
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["ibconnect", "health"]
ENTRYPOINT ["ibconnect"]
CMD ["serve"]
