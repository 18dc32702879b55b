//! From samples to the text that Prometheus reads.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;

use super::durations::Histogram;
use super::families::{Family, Sort};

/// What there is to tell at one moment.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<(Family, Vec<Sample>)>);

type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
struct Sample {
    labels: Labels,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Count(u64),
    Level(f64),
    Durations(Histogram),
}

impl Samples {
    pub(super) fn count(&mut self, family: Family, labels: &[&str], count: u64) {
        self.add(family, labels, Value::Count(count));
    }

    pub(super) fn level(&mut self, family: Family, labels: &[&str], level: f64) {
        self.add(family, labels, Value::Level(level));
    }

    pub(super) fn durations(&mut self, family: Family, labels: &[&str], durations: Histogram) {
        self.add(family, labels, Value::Durations(durations));
    }

    /// It is told that there is such a metric, though there is no sample of it.
    pub(super) fn describe(&mut self, family: Family) {
        if !self.0.iter().any(|(told, _)| *told == family) {
            self.0.push((family, Vec::new()));
        }
    }

    fn add(&mut self, family: Family, labels: &[&str], value: Value) {
        let labels = labels.iter().map(|value| (*value).to_owned());
        let labels = family.labels.iter().copied().zip(labels).collect();
        self.describe(family);
        for (told, samples) in &mut self.0 {
            if *told == family {
                samples.push(Sample { labels, value });
                return;
            }
        }
    }

    pub(super) fn text(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (family, samples) in &self.0 {
            let sort = match family.sort {
                Sort::Counter => MetricType::Counter,
                Sort::Gauge => MetricType::Gauge,
                Sort::Histogram => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, sort)?;
            for sample in samples {
                sample.value.encode(&mut metric.encode_family(&sample.labels)?)?;
            }
        }
        Ok(())
    }
}

impl Value {
    fn encode(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => encoder.encode_counter(count, None::<&Exemplar<Labels, f64>>),
            Self::Level(level) => encoder.encode_gauge(level),
            Self::Durations(histogram) => {
                let Histogram { buckets, sum } = histogram;
                encoder.encode_histogram::<Labels>(*sum, histogram.count(), buckets, None)
            }
        }
    }
}
