# The Astro Runtime with Airflow 3.3; it installs packages.txt and requirements.txt.
FROM astrocrpublic.azurecr.io/runtime:3.3-2
# Every process imports the package `include`.
ENV PYTHONPATH=/usr/local/airflow${PYTHONPATH:+:${PYTHONPATH}}
