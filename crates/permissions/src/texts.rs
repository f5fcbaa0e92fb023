use std::collections::BTreeSet;
use std::sync::Arc;

/// Beyond so many different texts it is chance whether one is met again.
const MOST: usize = 256;

/// Texts that many entries have in common, each kept once.
#[derive(Debug, Default)]
pub(crate) struct Texts(BTreeSet<Arc<str>>);

impl Texts {
    /// Puts the text that is kept in the place of an equal one.
    pub(crate) fn share(&mut self, text: &mut Arc<str>) {
        if let Some(known) = self.0.get(text) {
            *text = Arc::clone(known);
        } else if self.0.len() < MOST {
            self.0.insert(Arc::clone(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_and_the_number_of_those_kept_is_bounded() {
        let mut texts = Texts::default();
        let (mut first, mut second): (Arc<str>, Arc<str>) = ("0600".into(), "0600".into());
        texts.share(&mut first);
        texts.share(&mut second);
        assert!(Arc::ptr_eq(&first, &second));
        (0..2 * MOST).for_each(|number| texts.share(&mut number.to_string().into()));
        assert_eq!(texts.0.len(), MOST);
        texts.share(&mut second);
        assert!(Arc::ptr_eq(&first, &second), "what is kept stays");
    }
}
