# Two images: `site`, and `web`, the nginx of Debian 12 with our file before it. See compose.yaml.

FROM python:3.11-slim-bookworm AS site
# pg_dump and pg_restore, for backups.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 900 --no-create-home reperes \
    && install -d -o reperes -g reperes -m 0711 /var/lib/reperes /var/lib/reperes/data \
    && install -d -o reperes -g www-data -m 2750 \
        /var/lib/reperes/data/static /var/lib/reperes/data/snapshot
WORKDIR /opt/reperes
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
ENV DATA_DIR=/var/lib/reperes/data GRANIAN_WORKERS_MAX_RSS=400 PYTHONUNBUFFERED=1
RUN SECRET_KEY=only-while-this-is-built python manage.py translations compile --verbosity 0 \
    && python -m compileall -q .
USER reperes
VOLUME /var/lib/reperes
# It is asked as nginx asks it: by the site's name, over HTTPS.
HEALTHCHECK --start-period=2m CMD ["python", "-c", "import os, urllib.request as http; http.urlopen(http.Request('http://127.0.0.1:8000/health/live', headers={'Host': os.environ['ALLOWED_HOSTS'].split(',')[0], 'X-Forwarded-Proto': 'https'}), timeout=3)"]
CMD ["sh", "-c", "umask 027 && python manage.py prepare && exec python manage.py serve"]

FROM debian:bookworm-slim AS web
ARG SITE
RUN apt-get update \
    && apt-get install -y --no-install-recommends nginx-light libnginx-mod-http-brotli-static \
    && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled/default
COPY kb_site/deploy/nginx.conf /etc/nginx/sites-enabled/reperes
RUN sed -i "s/reperes\.example/${SITE:?}/g" /etc/nginx/sites-enabled/reperes
CMD ["nginx", "-g", "daemon off;"]
