//! Nobody stands in a list twice with different words: which of them counts would be a guess.

use std::collections::HashMap;

use crate::posture::evidence::piece::Named;

/// Who was seen in which row, and what was said of him.
#[derive(Default)]
pub(super) struct Once(HashMap<String, (u64, String)>);

impl Once {
    /// Whether somebody stands here for the first time; an error where an earlier row says otherwise of him. People are
    /// told apart by id and e-mail address: two may have one name.
    pub(super) fn is_new(&mut self, who: &Named, says: String) -> Result<bool, String> {
        let keys = [("id", &who.id), ("e-mail address", &who.email)];
        let mut is_new = true;
        for (what, key) in keys.into_iter().filter_map(|(what, key)| Some((what, key.as_ref()?))) {
            let key = format!("{what} {}", key.to_lowercase());
            if let Some((row, said)) = self.0.get(&key) {
                if *said != says {
                    return Err(format!(
                        "this {what} stands in row {row} too, which says otherwise: which one counts?"
                    ));
                }
                is_new = false;
            }
            self.0.entry(key).or_insert_with(|| (who.row, says.clone()));
        }
        Ok(is_new)
    }
}
