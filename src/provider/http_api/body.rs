//! What stands in the body of a described request: a form, JSON or XML.

use std::collections::BTreeMap;

use roxmltree::Document;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::escape::EscapeContext;
use super::template::{FillSource, Placeholder, PlaceholderValue, Template, template};

/// A body as a description writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BodyDescription {
    Form(BTreeMap<String, String>),
    Json(Value),
    Xml(String),
}

/// A body into which messages can be put.
#[derive(Clone, Debug)]
pub(super) enum BodyTemplate {
    Form(Vec<(String, Template)>),
    Json(JsonTemplate),
    Xml(Template),
}

/// JSON whose texts have placeholders. What stands alone, and a message does not have, is left out.
#[derive(Clone, Debug)]
pub(super) enum JsonTemplate {
    Text(Template),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
    /// A number, a truth or null.
    Fixed(Value),
}

/// Whether a list stands where none can.
fn has_list_inside(template: &Template) -> bool {
    template.only().is_none() && template.placeholders().any(|one| *one == Placeholder::MediaUrls)
}

impl BodyDescription {
    pub(super) fn compile(&self, field: &str) -> Result<BodyTemplate, String> {
        match self {
            Self::Form(fields) => {
                let field = format!("{field}.form");
                let mut compiled = Vec::new();
                for (name, value) in fields {
                    compiled.push((name.clone(), alone(&format!("{field}.{name}"), value)?));
                }
                Ok(BodyTemplate::Form(compiled))
            }
            Self::Json(json) => Ok(BodyTemplate::Json(JsonTemplate::compile(&format!("{field}.json"), json)?)),
            Self::Xml(text) => xml(&format!("{field}.xml"), text).map(BodyTemplate::Xml),
        }
    }
}

/// A template in which a list stands alone, or not at all.
fn alone(field: &str, text: &str) -> Result<Template, String> {
    let read = template(field, text)?;
    if has_list_inside(&read) { Err(format!("{field}: {{media_urls}} must stand alone")) } else { Ok(read) }
}

/// XML in which placeholders stand in texts and attributes only: nowhere else can a value be escaped.
fn xml(field: &str, text: &str) -> Result<Template, String> {
    let read = template(field, text)?;
    if read.placeholders().any(|one| *one == Placeholder::MediaUrls) {
        return Err(format!("{field}: {{media_urls}} cannot stand in XML"));
    }
    let behind =
        text.trim_start().strip_prefix("<?xml ").map_or(text, |rest| rest.split_once("?>").map_or("", |(_, b)| b));
    if behind.contains("<!") || behind.contains("<?") {
        return Err(format!("{field} must be without comments, CDATA, DTD and processing instructions"));
    }
    // the reader's own words may quote it
    let document = Document::parse(text)
        .map_err(|error| format!("{field} must be well-formed XML, as at {} it is not", error.pos()))?;
    let texts = document.descendants().filter(roxmltree::Node::is_text).filter_map(|node| node.text());
    let values = document.descendants().flat_map(|node| node.attributes()).map(|attribute| attribute.value());
    let found: usize = texts.chain(values).map(|text| text.matches('{').count()).sum();
    if found != text.matches('{').count() {
        return Err(format!("{field} may have placeholders in texts and attributes only"));
    }
    Ok(read)
}

impl JsonTemplate {
    fn compile(field: &str, json: &Value) -> Result<Self, String> {
        Ok(match json {
            Value::String(text) => Self::Text(alone(field, text)?),
            Value::Array(list) => {
                let mut compiled = Vec::new();
                for (at, one) in list.iter().enumerate() {
                    compiled.push(Self::compile(&format!("{field}[{at}]"), one)?);
                }
                Self::List(compiled)
            }
            Value::Object(members) => {
                let mut compiled = Vec::new();
                for (name, one) in members {
                    compiled.push((name.clone(), Self::compile(&format!("{field}.{name}"), one)?));
                }
                Self::Object(compiled)
            }
            other => Self::Fixed(other.clone()),
        })
    }

    /// `None`: this message has nothing to stand here.
    fn fill(&self, source: &FillSource<'_>) -> Result<Option<Value>, String> {
        match self {
            Self::Text(template) => match template.only().map(|one| source.filling(one)).transpose()? {
                Some(PlaceholderValue::Nothing) => Ok(None),
                Some(PlaceholderValue::Number(number)) => Ok(Some(number.into())),
                Some(PlaceholderValue::List(list)) => Ok(Some(list.into())),
                Some(PlaceholderValue::Text(_)) | None => Ok(Some(template.fill(source, EscapeContext::Whole)?.into())),
            },
            Self::List(list) => {
                let mut filled = Vec::new();
                for one in list {
                    filled.extend(one.fill(source)?);
                }
                Ok(Some(filled.into()))
            }
            Self::Object(members) => {
                let mut filled = Map::new();
                for (name, one) in members {
                    filled.extend(one.fill(source)?.map(|value| (name.clone(), value)));
                }
                Ok(Some(filled.into()))
            }
            Self::Fixed(value) => Ok(Some(value.clone())),
        }
    }

    fn add_templates<'a>(&'a self, all: &mut Vec<&'a Template>) {
        match self {
            Self::Text(template) => all.push(template),
            Self::List(list) => list.iter().for_each(|one| one.add_templates(all)),
            Self::Object(members) => members.iter().for_each(|(_, one)| one.add_templates(all)),
            Self::Fixed(_) => {}
        }
    }
}

impl BodyTemplate {
    pub(super) fn add_templates<'a>(&'a self, all: &mut Vec<&'a Template>) {
        match self {
            Self::Form(fields) => all.extend(fields.iter().map(|(_, template)| template)),
            Self::Json(json) => json.add_templates(all),
            Self::Xml(template) => all.push(template),
        }
    }

    /// The body with everything put in, behind its content type.
    pub(super) fn fill(&self, source: &FillSource<'_>) -> Result<(&'static str, String), String> {
        Ok(match self {
            Self::Form(fields) => ("application/x-www-form-urlencoded", form(fields, source)?),
            Self::Json(json) => ("application/json", json.fill(source)?.unwrap_or_default().to_string()),
            Self::Xml(template) => ("application/xml; charset=utf-8", template.fill(source, EscapeContext::Xml)?),
        })
    }
}

fn form(fields: &[(String, Template)], source: &FillSource<'_>) -> Result<String, String> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, template) in fields {
        match template.only().map(|one| source.filling(one)).transpose()? {
            Some(PlaceholderValue::Nothing) => {}
            Some(PlaceholderValue::List(list)) => {
                form.extend_pairs(list.iter().map(|one| (name, one)));
            }
            Some(PlaceholderValue::Text(_) | PlaceholderValue::Number(_)) | None => {
                form.append_pair(name, &template.fill(source, EscapeContext::Whole)?);
            }
        }
    }
    Ok(form.finish())
}

#[cfg(test)]
#[path = "body_test.rs"]
mod tests;
