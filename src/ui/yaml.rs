//! `-o yaml`: the document of [`super::json`] in YAML.

use super::json::Document;
use crate::domain::diagnosis::{Diagnosis, Item};
use crate::error::AppError;

/// The items that are shown, and the summary over all of them.
///
/// # Errors
/// None that is known: the document has plain values and text keys only.
pub fn render(diagnosis: &Diagnosis, items: &[&Item]) -> Result<String, AppError> {
    serde_saphyr::to_string(&Document::new(diagnosis, items))
        .map_err(|error| AppError::failed("failed to write the answer as YAML").because(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::samples;

    fn rendered(diagnosis: &Diagnosis) -> String {
        render(diagnosis, &diagnosis.items.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_frame_is_the_same_as_in_json() {
        let mut diagnosis = samples::story();
        diagnosis.items.truncate(1);
        insta::assert_snapshot!(rendered(&diagnosis), @"");
    }

    #[test]
    fn it_reads_back_as_the_same_document_as_json() {
        for diagnosis in [samples::story(), samples::kinds(), samples::hostile(), Diagnosis::default()] {
            let items: Vec<_> = diagnosis.items.iter().collect();
            let json: serde_json::Value =
                serde_json::from_str(&crate::ui::json::render(&diagnosis, &items).unwrap()).unwrap();
            let yaml: serde_json::Value = serde_saphyr::from_str(&rendered(&diagnosis)).unwrap();
            assert_eq!(yaml, json);
        }
    }

    #[test]
    fn hostile_text_is_escaped() {
        let text = rendered(&samples::hostile());
        assert!(!text.chars().any(|character| character != '\n' && crate::text::is_unprintable(character)), "{text:?}");
    }
}
