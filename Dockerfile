# MindReader in a container.
#
#     docker build --target cpu  -t mindreader:cpu .
#     docker build --target cuda -t mindreader:cuda .
#
# One image runs every part: web, search worker, embed worker, migrations (see docker-compose.yml).

ARG PYTHON=3.11.14-slim-bookworm

FROM python:${PYTHON} AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/mindreader/bin:$PATH
RUN groupadd --gid 10001 mindreader \
 && useradd --uid 10001 --gid mindreader --home-dir /data --shell /usr/sbin/nologin mindreader \
 && install --directory --owner mindreader --group mindreader --mode 0700 /data

# Builds the package and its environment; none of this stays in the image.
FROM base AS build
RUN python -m venv /opt/mindreader
COPY pyproject.toml README.md LICENSE constraints.txt /src/
COPY platform /src/platform
COPY workers /src/workers
COPY webui /src/webui
COPY training /src/training
COPY migrations /src/migrations
WORKDIR /src

FROM build AS build-cpu
# PyPI's torch for Linux brings CUDA; this index has the one without. torchvision's compiled operators are not used.
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu torch==2.13.0 torchvision==0.28.0 \
 && pip install --no-cache-dir --constraint constraints.txt '.[s3,traces]'

FROM build AS build-cuda
RUN pip install --no-cache-dir --constraint constraints.txt '.[s3,traces]'

FROM base AS runtime
ENV MINDREADER_DATA_DIR=/data MINDREADER_HOST=0.0.0.0 MINDREADER_PORT=8765
VOLUME /data
WORKDIR /data
USER 10001:10001
EXPOSE 8765
ENTRYPOINT []
CMD ["mindreader", "serve"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s --retries=3 CMD ["mindreader", "health"]

FROM runtime AS cuda
COPY --from=build-cuda /opt/mindreader /opt/mindreader
# The driver of the host comes in through the NVIDIA container toolkit; torch brings the rest.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM runtime AS cpu
COPY --from=build-cpu /opt/mindreader /opt/mindreader
