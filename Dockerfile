# The Astro Runtime that carries Airflow 3.3; it installs packages.txt and requirements.txt by itself.
FROM astrocrpublic.azurecr.io/runtime:3.3-2
# `include` is imported by its name, in every process.
ENV PYTHONPATH=/usr/local/airflow${PYTHONPATH:+:${PYTHONPATH}}
