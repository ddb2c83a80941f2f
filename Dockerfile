# The image of the service, without training libraries and development tools. FAISS=gpu is for an
# NVIDIA GPU and needs its container toolkit.
#   docker build --build-arg FAISS=cpu -t flukeprint .
#   docker run -v ./catalogue:/catalogue flukeprint keys create --name NAME --role admin
#   docker run -v ./catalogue:/catalogue -p 127.0.0.1:8000:8000 flukeprint
FROM python:3.11-slim-bookworm
ARG FAISS=cpu

RUN apt-get update \
    && apt-get install --no-install-recommends --yes make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home flukeprint \
    && install -d -o flukeprint /catalogue

WORKDIR /app
COPY . .
# `make demo` and `make test` begin with the same steps. So what runs here is what was tested.
RUN PIP_NO_CACHE_DIR=1 make setup FAISS=$FAISS EXTRAS=heic,postgres,milvus,otel,s3

USER flukeprint
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FLUKEPRINT_CATALOGUE=/catalogue/catalogue.db \
    FLUKEPRINT_HOST=0.0.0.0 \
    FLUKEPRINT_PORT=8000
VOLUME /catalogue
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"FLUKEPRINT_PORT\"]}/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["flukeprint"]
CMD ["serve"]
