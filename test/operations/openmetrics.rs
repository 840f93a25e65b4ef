//! Reads OpenMetrics text as its specification has it, and refuses what is not.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};

use crate::harness::{ADMIN, Result, Server};

type Labels = BTreeMap<String, String>;

#[derive(Debug)]
struct Sample {
    name: String,
    labels: Labels,
    value: f64,
}

/// A whole exposition, its families by name.
#[derive(Debug, Default)]
pub struct Exposition {
    kinds: BTreeMap<String, String>,
    helped: BTreeSet<String>,
    samples: Vec<Sample>,
}

/// What a server says of itself, checked line by line.
pub async fn of(server: &Server) -> Result<Exposition> {
    let response = server.http.get(server.url("/metrics")).bearer_auth(ADMIN).send().await?;
    ensure!(response.status() == 200, "{}", response.status());
    parse(&response.text().await?)
}

fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && letters.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

pub fn parse(text: &str) -> Result<Exposition> {
    let body = text.strip_suffix("# EOF\n").context("it does not end with # EOF")?;
    ensure!(body.ends_with('\n') && !body.contains('\r'), "lines end with a line feed");
    let mut all = Exposition::default();
    let mut current = String::new();
    for line in body.lines() {
        match line.strip_prefix("# ") {
            Some(meta) => current = all.add_meta(meta, &current).with_context(|| line.to_owned())?,
            None => all.add_sample(line, &current).with_context(|| line.to_owned())?,
        }
    }
    all.check_histograms()?;
    Ok(all)
}

impl Exposition {
    fn add_meta(&mut self, meta: &str, current: &str) -> Result<String> {
        let mut words = meta.splitn(3, ' ');
        let (word, family, rest) = (words.next(), words.next().context("a family")?, words.next().unwrap_or_default());
        ensure!(is_name(family) && family.starts_with("switchboard_"), "a name of ours");
        ensure!(family == current || !self.kinds.contains_key(family), "one family's lines stand together");
        match word {
            Some("HELP") => ensure!(!rest.is_empty() && self.helped.insert(family.to_owned()), "one help"),
            Some("TYPE") => {
                ensure!(matches!(rest, "counter" | "gauge" | "histogram" | "info"), "a type");
                ensure!(self.kinds.insert(family.to_owned(), rest.to_owned()).is_none(), "one type");
            }
            Some("UNIT") => ensure!(family.ends_with(&format!("_{rest}")), "the unit ends the name"),
            _ => bail!("neither help nor type nor unit"),
        }
        Ok(family.to_owned())
    }

    fn add_sample(&mut self, line: &str, family: &str) -> Result {
        let (name, labels, value) = read_sample(line)?;
        let suffix = name.strip_prefix(family).context("a sample of the family above")?;
        let kind = self.kinds.get(family).map_or("", String::as_str);
        let fits = match kind {
            "counter" => suffix == "_total",
            "gauge" => suffix.is_empty(),
            "histogram" => matches!(suffix, "_bucket" | "_count" | "_sum"),
            _ => false,
        };
        ensure!(fits, "{suffix} of a {kind}");
        ensure!((suffix == "_bucket") == labels.contains_key("le"), "buckets have bounds, others have none");
        ensure!(kind == "gauge" || value >= 0.0, "only gauges sink");
        let is_new = self.samples.iter().all(|sample| sample.name != name || sample.labels != labels);
        ensure!(is_new, "told twice");
        self.samples.push(Sample { name, labels, value });
        Ok(())
    }

    /// Buckets rise, and the last of them holds all.
    fn check_histograms(&self) -> Result {
        let mut series: BTreeMap<(String, Labels), Vec<(f64, f64)>> = BTreeMap::new();
        for sample in self.samples.iter().filter(|sample| sample.name.ends_with("_bucket")) {
            let mut labels = sample.labels.clone();
            let bound = labels.remove("le").context("a bound")?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse()? };
            let family = sample.name.trim_end_matches("_bucket").to_owned();
            series.entry((family, labels)).or_default().push((bound, sample.value));
        }
        for ((family, labels), buckets) in series {
            let rises = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
            let (bound, count) = *buckets.last().context("a bucket")?;
            ensure!(rises && bound.is_infinite(), "{family}: {buckets:?}");
            let told = self.samples.iter().find(|s| s.name == format!("{family}_count") && s.labels == labels);
            ensure!(told.is_some_and(|told| told.value.to_bits() == count.to_bits()), "{family}: count");
        }
        Ok(())
    }

    pub fn kind(&self, family: &str) -> Option<&str> {
        self.kinds.get(family).map(String::as_str).filter(|_| self.helped.contains(family))
    }

    /// A sample's value as a whole number; 0 where there is none yet.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> i64 {
        let wanted: Labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found = self.samples.iter().find(|sample| sample.name == name && sample.labels == wanted);
        found.map_or(0, |sample| sample.value.to_string().parse().unwrap_or(i64::MIN))
    }

    /// Every value that a label takes in a family's samples.
    pub fn label_values(&self, name: &str, label: &str) -> BTreeSet<&str> {
        let samples = self.samples.iter().filter(|sample| sample.name == name);
        samples.filter_map(|sample| sample.labels.get(label).map(String::as_str)).collect()
    }
}

/// `name{label="value",…} number`.
fn read_sample(line: &str) -> Result<(String, Labels, f64)> {
    let (key, value) = line.rsplit_once(' ').context("a value")?;
    let mut labels = Labels::new();
    let name = match key.split_once('{') {
        None => key,
        Some((name, rest)) => {
            let rest = rest.strip_suffix('}').context("a closing brace")?;
            for pair in rest.split(',') {
                let (label, quoted) = pair.split_once('=').context("a label")?;
                let text = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).context("quotes")?;
                // nothing of ours needs an escape, or holds a comma
                ensure!(is_name(label) && !text.contains(['"', '\\', ',']), "a plain label");
                ensure!(labels.insert(label.to_owned(), text.to_owned()).is_none(), "a label twice");
            }
            name
        }
    };
    ensure!(is_name(name), "a name");
    Ok((name.to_owned(), labels, value.parse()?))
}

#[test]
fn what_is_not_openmetrics_is_refused() {
    let head = "# HELP switchboard_a A.\n# TYPE switchboard_a counter\n";
    assert!(parse(&format!("{head}switchboard_a_total{{x=\"y\"}} 1\n# EOF\n")).is_ok());
    for bad in [
        "switchboard_a_total 1\n",
        "switchboard_a 1\n# EOF\n",
        "switchboard_a_total -1\n# EOF\n",
        "switchboard_a_total{x=y} 1\n# EOF\n",
        "switchboard_a_total 1\nswitchboard_a_total 2\n# EOF\n",
        "switchboard_b_total 1\n# EOF\n",
        "switchboard_a_total 1\n# EOF\n\n",
    ] {
        assert!(parse(&format!("{head}{bad}")).is_err(), "{bad}");
    }
    let head = "# HELP switchboard_h H.\n# TYPE switchboard_h histogram\nswitchboard_h_count 2\nswitchboard_h_sum 1\n";
    let buckets = |first, last| {
        format!("{head}switchboard_h_bucket{{le=\"1.0\"}} {first}\nswitchboard_h_bucket{{le=\"+Inf\"}} {last}\n# EOF\n")
    };
    assert!(parse(&buckets(1, 2)).is_ok());
    assert!(parse(&buckets(3, 2)).is_err() && parse(&buckets(1, 1)).is_err());
}
