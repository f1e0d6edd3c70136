//! Joiners and leavers as a table: who, and when he joined, left, or whether he is active.

use crate::graph::Time;
use crate::posture::evidence::directory::EMAIL;
use crate::posture::evidence::directory::ID;
use crate::posture::evidence::directory::NAME;
use crate::posture::evidence::directory::named;
use crate::posture::evidence::moment;
use crate::posture::evidence::once::Once;
use crate::posture::evidence::piece::Comer;
use crate::posture::evidence::piece::Content;
use crate::posture::evidence::piece::Left;
use crate::posture::evidence::read::Asked;
use crate::posture::evidence::read::Reading;
use crate::posture::evidence::refused::Refused;
use crate::posture::evidence::refused::quoted;
use crate::posture::evidence::sheet::Column;
use crate::posture::evidence::sheet::Row;
use crate::posture::evidence::sheet::Sheet;
use crate::posture::evidence::sheet::Word;

const COLUMNS: &[Column] = &[
    ID,
    EMAIL,
    NAME,
    Column {
        means: "joined",
        names: &["joined", "joined on", "start date", "hire date", "first day"],
    },
    Column {
        means: "left",
        names: &["left", "left on", "end date", "termination date", "leaving date", "last day"],
    },
    Column { means: "status", names: &["status", "employment status", "user status", "active"] },
];

const WORDS: &[Word] = &[
    Word { means: "active", names: &["active", "employed", "current", "yes", "true"] },
    Word {
        means: "inactive",
        names: &["inactive", "left", "terminated", "former", "deactivated", "no", "false"],
    },
];

/// Reads them.
pub(super) fn read(bytes: &[u8], asked: Asked<'_>) -> Result<Reading, Refused> {
    let mut sheet = Sheet::open(bytes, asked.map, (COLUMNS, WORDS))?;
    sheet.needs(&["name", "email", "id"], "who it is")?;
    sheet.needs(&["left", "status", "joined"], "who joined or left")?;
    let (mut comers, mut once) = (Vec::new(), Once::default());
    sheet.each(|row| {
        let who = named(row)?;
        let active = row.word("status")?.map(|word| word == "active");
        let dates = Dates { joined: date(row, "joined")?, left: date(row, "left")? };
        let left = dates.judged(active, asked.as_of)?;
        let says = format!("{:?} {left:?}", dates.joined);
        if once.is_new(&who, says)? {
            comers.push(Comer { who, joined: dates.joined, left });
        }
        Ok(())
    })?;
    Ok(Reading { content: Content::People(comers), ignored: sheet.ignored })
}

fn date(row: &Row<'_>, column: &'static str) -> Result<Option<Time>, String> {
    let cell = row.cell(column);
    if cell.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("{} in `{column}` is no date: {}", quoted(cell), moment::WANTED);
    moment::time(cell).map(Some).ok_or_else(wrong)
}

/// What a line says of somebody's first and last day.
pub(super) struct Dates {
    pub(super) joined: Option<Time>,
    pub(super) left: Option<Time>,
}

impl Dates {
    /// Whether he left, where a status may say so too.
    pub(super) fn judged(&self, active: Option<bool>, as_of: Time) -> Result<Left, String> {
        if let (Some(joined), Some(left)) = (self.joined, self.left)
            && left < joined
        {
            return Err("they left before they joined".to_owned());
        }
        match (active, self.left) {
            (Some(true), Some(left)) if left <= as_of => {
                let day = moment::day_of(left);
                Err(format!("they are active and left on {day}: which one counts?"))
            }
            (Some(false), Some(left)) if left > as_of => {
                let day = moment::day_of(left);
                Err(format!("they are inactive and leave only on {day}: which one counts?"))
            }
            (_, Some(left)) => Ok(Left::On(left)),
            (Some(false), None) => Ok(Left::Before),
            (Some(true) | None, None) => Ok(Left::No),
        }
    }
}
