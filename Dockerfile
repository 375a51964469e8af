# syntax=docker/dockerfile:1
# The daemon and every other command of llo11ypop. Probes belong to Kubernetes (/livez, /readyz), so no HEALTHCHECK.

FROM python:3.11-slim AS build
WORKDIR /src
# Dependencies first: this layer changes only when the constraints do.
COPY constraints ./constraints
COPY deploy/image-build.sh ./deploy/image-build.sh
RUN deploy/image-build.sh dependencies /opt/llo11ypop
COPY pyproject.toml README.md* LICENSE ./
COPY config ./config
COPY llo11ypop ./llo11ypop
RUN deploy/image-build.sh package /opt/llo11ypop

FROM python:3.11-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/llo11ypop llo11ypop \
 && install -d -o llo11ypop -g llo11ypop /var/lib/llo11ypop
COPY --from=build /opt/llo11ypop /opt/llo11ypop
# Strict checkpoints: a row names no type to import. No tracing to a third party unless an operator asks for it.
ENV PATH=/opt/llo11ypop/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LANGGRAPH_STRICT_MSGPACK=true \
    LANGSMITH_TRACING=false
# The numeric id lets Kubernetes verify runAsNonRoot.
USER 10001:10001
# Ledger, checkpoints and seeded fleets; the only place written to.
WORKDIR /var/lib/llo11ypop
VOLUME /var/lib/llo11ypop
EXPOSE 8080
ENTRYPOINT ["llo11ypop"]
CMD ["run"]
