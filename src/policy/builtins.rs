//! The built-in functions that rules may call: a closed list, so that a new engine version adds nothing by itself.
//!
//! Left out is what reaches outside the input (`http.send`, `opa.runtime`, `time.now_ns`, `rand.intn`, `uuid.*`), what
//! one call can use to eat time or memory (`numbers.range`, `net.cidr_expand`, `bits.lsh`, `yaml.unmarshal`,
//! `graph.reachable_paths`, `json.match_schema`), what the serving engine lacks or answers differently (`walk`, `print`,
//! `strings.count`, `regex.template_match`, `time.format`), and everything about keys and tokens: facts are checked
//! before a rule sees them.

/// Every allowed built-in and what it is for, sorted by name.
pub const ALLOWED: &[(&str, &str)] = &[
    ("abs", "a number without its sign"),
    ("array.concat", "two lists, one after the other"),
    ("array.reverse", "a list backwards"),
    ("array.slice", "a part of a list"),
    ("base64.decode", "text from Base64"),
    ("base64.encode", "Base64 of a text"),
    ("base64.is_valid", "whether a text is Base64"),
    ("base64url.decode", "text from URL-safe Base64"),
    ("base64url.encode", "URL-safe Base64 of a text"),
    ("base64url.encode_no_pad", "URL-safe Base64 without padding"),
    ("bits.and", "bits set in both numbers"),
    ("bits.negate", "every bit turned"),
    ("bits.or", "bits set in either number"),
    ("bits.rsh", "bits moved right"),
    ("bits.xor", "bits set in one of two numbers"),
    ("ceil", "the next whole number"),
    ("concat", "texts joined with a separator"),
    ("contains", "whether a text holds another"),
    ("count", "how many members"),
    ("endswith", "whether a text ends so"),
    ("floor", "the whole number before"),
    ("format_int", "a number in another base"),
    ("glob.match", "whether a text matches a glob"),
    ("glob.quote_meta", "a text as a literal glob"),
    ("graph.reachable", "what can be reached in a graph"),
    ("hex.decode", "text from hexadecimal"),
    ("hex.encode", "hexadecimal of a text"),
    ("indexof", "where a text stands in another"),
    ("indexof_n", "everywhere a text stands in another"),
    ("intersection", "what all sets share"),
    ("is_array", "whether it is a list"),
    ("is_boolean", "whether it is true or false"),
    ("is_null", "whether it is known to be none"),
    ("is_number", "whether it is a number"),
    ("is_object", "whether it is an object"),
    ("is_set", "whether it is a set"),
    ("is_string", "whether it is a text"),
    ("json.filter", "only these paths of an object"),
    ("json.is_valid", "whether a text is JSON"),
    ("json.marshal", "JSON of a value"),
    ("json.remove", "an object without these paths"),
    ("json.unmarshal", "the value of a JSON text"),
    ("lower", "a text in lower case"),
    ("max", "the greatest member"),
    ("min", "the least member"),
    ("net.cidr_contains", "whether a network holds an address"),
    ("net.cidr_is_valid", "whether a text is a network"),
    ("object.filter", "only these keys"),
    ("object.get", "a value, or another when it is missing"),
    ("object.keys", "the keys of an object"),
    ("object.remove", "an object without these keys"),
    ("object.subset", "whether one object holds another"),
    ("object.union", "two objects merged"),
    ("object.union_n", "several objects merged"),
    ("product", "the members multiplied"),
    ("regex.find_all_string_submatch_n", "matches with their groups"),
    ("regex.find_n", "matches of a pattern"),
    ("regex.is_valid", "whether a text is a pattern"),
    ("regex.match", "whether a pattern matches"),
    ("regex.replace", "matches replaced"),
    ("regex.split", "a text cut at matches"),
    ("replace", "a text with one part replaced"),
    ("round", "the nearest whole number"),
    ("semver.compare", "which version is newer"),
    ("semver.is_valid", "whether a text is a version"),
    ("sort", "a list in order"),
    ("split", "a text cut at a separator"),
    ("sprintf", "a text with values put in; the format is a literal"),
    ("startswith", "whether a text begins so"),
    ("strings.any_prefix_match", "whether any text begins with any other"),
    ("strings.any_suffix_match", "whether any text ends with any other"),
    ("strings.replace_n", "a text with several parts replaced"),
    ("strings.reverse", "a text backwards"),
    ("substring", "a part of a text"),
    ("sum", "the members added"),
    ("time.add_date", "an instant moved by years, months and days"),
    ("time.clock", "hour, minute and second of an instant"),
    ("time.date", "year, month and day of an instant"),
    ("time.diff", "the difference of two instants"),
    ("time.parse_duration_ns", "nanoseconds of a duration"),
    ("time.parse_rfc3339_ns", "nanoseconds of an instant such as `input.now`"),
    ("time.weekday", "the day of the week of an instant"),
    ("to_number", "a number from a text"),
    ("trim", "a text without these characters at its ends"),
    ("trim_left", "a text without these characters at its start"),
    ("trim_prefix", "a text without this beginning"),
    ("trim_right", "a text without these characters at its end"),
    ("trim_space", "a text without white space at its ends"),
    ("trim_suffix", "a text without this ending"),
    ("type_name", "what kind of value it is"),
    ("union", "what any of the sets holds"),
    ("units.parse", "a number with a unit"),
    ("units.parse_bytes", "a number of bytes"),
    ("upper", "a text in upper case"),
    ("urlquery.decode", "text from a URL query"),
    ("urlquery.decode_object", "an object from a URL query"),
    ("urlquery.encode", "a text for a URL query"),
    ("urlquery.encode_object", "an object as a URL query"),
];

/// Whether rules may call it.
pub fn is_allowed(name: &str) -> bool {
    ALLOWED.binary_search_by(|(known, _)| known.cmp(&name)).is_ok()
}

/// What to write instead of a built-in that is left out, where there is something to say.
pub fn instead_of(name: &str) -> Option<&'static str> {
    match name {
        "time.now_ns" => {
            Some("declare `now` in `reads` and use `input.now`: a decision can then be replayed")
        }
        "http.send" => Some(
            "rules see only `input` and `data`: declare the fact in `reads`, or put it into a data.json",
        ),
        "print" | "trace" => Some("use it in a `*_test.rego` file only"),
        "walk" => Some("name the path, or iterate over the list with `some`"),
        "numbers.range" | "numbers.range_step" => Some("iterate over the list itself with `some`"),
        "net.cidr_expand" => Some("use `net.cidr_contains`"),
        "strings.count" => Some("use `count(split(text, part)) - 1`"),
        "opa.runtime" | "rand.intn" | "uuid.rfc4122" => {
            Some("a rule answers the same question always in the same way")
        }
        _ => None,
    }
}
