//! Every code is said in Japanese, with all that is in it. Codes are made up by [`Maker`], from what their types say of themselves,
//! so that one that is added is tested without anybody having to think of it.

use std::collections::BTreeSet;
use std::fmt;

use evenkeel_shown::said::{
    Code, CommandCode, FilesCode, ProcessCode, SupervisordCode, SystemdCode, TmuxCode,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer as _, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::{japanese, said};
use crate::view::{Theme, View};
use crate::words::Lang;

/// What is inside something else is this: a code in a code would have no end.
const INNERMOST: &str = "as_written";

/// Makes up a value of any type: of every `enum` one variant after the other, what may be there and not, and every text is another
/// word.
#[derive(Debug, Default)]
struct Maker {
    /// Which variant is taken of the enums on the way, outermost first; beyond, the first.
    path: Vec<usize>,
    /// How many variants those had.
    widths: Vec<usize>,
    names: Vec<String>,
    /// The words that were made up.
    words: Vec<String>,
    /// The codes that are inside one another here.
    depth: usize,
    /// Whether a field is made up: a list that is all of a code is never empty.
    in_field: bool,
}

#[derive(Debug)]
struct Impossible(String);

impl fmt::Display for Impossible {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Impossible {}

impl de::Error for Impossible {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl Maker {
    fn word(&mut self) -> String {
        let word = format!("word-{}", self.words.len());
        self.words.push(word.clone());
        word
    }

    /// One of several that may be: which one is a part of the code's name.
    fn one_of<Choice: Copy>(&mut self, choices: &[(&str, Choice)]) -> Choice {
        let at = self.widths.len();
        self.widths.push(choices.len());
        let (name, choice) = choices[self.path.get(at).copied().unwrap_or(0)];
        self.names.push(name.to_owned());
        choice
    }

    /// A number that is not found in anything else.
    fn number(&mut self) -> u32 {
        let number = 170_000 + u32::try_from(self.words.len()).unwrap();
        self.words.push(number.to_string());
        number
    }
}

impl<'de> Deserializer<'de> for &mut Maker {
    type Error = Impossible;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Impossible> {
        Err(Impossible("a code has a type that says nothing of itself".to_owned()))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Impossible> {
        let choice = self.one_of(&[("yes", true), ("no", false)]);
        visitor.visit_bool(choice)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Impossible> {
        let number = self.number();
        visitor.visit_u32(number)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Impossible> {
        let number = self.number();
        visitor.visit_u32(number)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Impossible> {
        let number = self.number();
        visitor.visit_u32(number)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Impossible> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Impossible> {
        let number = 17_000 + u16::try_from(self.words.len()).unwrap();
        self.words.push(number.to_string());
        visitor.visit_u16(number)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Impossible> {
        let number = 170 + u8::try_from(self.words.len()).unwrap();
        self.words.push(number.to_string());
        visitor.visit_u8(number)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Impossible> {
        let word = self.word();
        visitor.visit_string(word)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Impossible> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Impossible> {
        if self.one_of(&[("some", true), ("none", false)]) {
            visitor.visit_some(self)
        } else {
            visitor.visit_none()
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Impossible> {
        let left = if self.in_field { self.one_of(&[("two", 2), ("empty", 0)]) } else { 2 };
        visitor.visit_seq(Several { maker: self, left, fields: &[] })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Impossible> {
        visitor.visit_seq(Several { maker: self, left: length, fields: &[] })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Impossible> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Impossible> {
        if name == "Duration" {
            // Written in a unit that fits it.
            self.words.push("7 秒".to_owned());
            let parts: [u64; 2] = [7, 0];
            return visitor.visit_seq(de::value::SeqDeserializer::new(parts.into_iter()));
        }
        visitor.visit_map(Several { maker: self, left: fields.len(), fields })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Impossible> {
        let is_code = variants.contains(&INNERMOST);
        let variant = if is_code && self.depth > 0 {
            INNERMOST
        } else {
            let choices: Vec<_> = variants.iter().map(|variant| (*variant, *variant)).collect();
            self.one_of(&choices)
        };
        self.depth += usize::from(is_code);
        visitor.visit_enum(Variant { maker: self, variant })
    }

    serde::forward_to_deserialize_any! {
        i8 i16 f32 f64 char bytes byte_buf unit unit_struct tuple_struct map identifier ignored_any
    }
}

struct Variant<'a> {
    maker: &'a mut Maker,
    variant: &'static str,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Impossible;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), Impossible> {
        let name: StrDeserializer<'_, Impossible> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Impossible;

    fn unit_variant(self) -> Result<(), Impossible> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, Impossible> {
        self.maker.in_field = false;
        seed.deserialize(self.maker)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Impossible> {
        Err(Impossible("no code is a tuple".to_owned()))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Impossible> {
        visitor.visit_map(Several { maker: self.maker, left: fields.len(), fields })
    }
}

/// Some values, or the fields of a struct.
struct Several<'a> {
    maker: &'a mut Maker,
    left: usize,
    fields: &'static [&'static str],
}

impl<'de> SeqAccess<'de> for Several<'_> {
    type Error = Impossible;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Impossible> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.maker).map(Some)
    }
}

impl<'de> MapAccess<'de> for Several<'_> {
    type Error = Impossible;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Impossible> {
        let Some((first, rest)) = self.fields.split_first() else { return Ok(None) };
        self.fields = rest;
        let name: StrDeserializer<'_, Impossible> = (*first).into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Impossible> {
        self.maker.in_field = true;
        seed.deserialize(&mut *self.maker)
    }
}

/// Every code, with the words in it and its name.
fn every_code() -> Vec<(Code, Vec<String>, String)> {
    let mut all = Vec::new();
    let mut path: Vec<usize> = Vec::new();
    loop {
        let mut maker = Maker { path: path.clone(), ..Maker::default() };
        let code = Code::deserialize(&mut maker).expect("every code can be made up");
        let Maker { widths, names, words, .. } = maker;
        all.push((code, words, names.join(".")));
        // The next one: the innermost enum that has more, and the first of all below it.
        path.resize(widths.len(), 0);
        while let Some(last) = path.pop() {
            if last + 1 < widths[path.len()] {
                path.push(last + 1);
                break;
            }
        }
        if path.is_empty() {
            return all;
        }
    }
}

fn view(lang: Lang) -> View {
    View { lang, theme: Theme::Auto, zone: TimeZone::UTC, now: Timestamp::UNIX_EPOCH }
}

fn is_japanese(text: &str) -> bool {
    text.chars().any(|char| ('\u{3040}'..='\u{30ff}').contains(&char) || char > '\u{4e00}')
}

#[test]
fn every_code_is_said_in_japanese_with_all_that_is_in_it() {
    let (view, all) = (view(Lang::Ja), every_code());
    let names: BTreeSet<_> = all.iter().map(|(_, _, name)| name).collect();
    assert_eq!(names.len(), all.len(), "none is made up twice");
    assert!(all.len() > 150, "{}", all.len());
    for (code, words, name) in &all {
        let text = japanese(&view, code);
        // These have no words of their own: what is in them has.
        let bare = ["as_written", "all", "because", "at"].iter().any(|bare| name.starts_with(bare));
        assert!(bare || is_japanese(&text), "{name}: {text}");
        for word in words {
            let figure = word.parse::<f64>().map(|figure| figure / 1e3);
            // Of what is a size or a choice of words alone the figure is written otherwise.
            let other = figure.is_ok_and(|figure| text.contains(&format!("{figure:.0} kB")));
            // Of what ended with a code no signal is told.
            let ended = ["action.command_ended.some.some", "workload.command_ended.some.some"];
            let killed =
                ended.iter().any(|ended| name.starts_with(ended)) && Some(word) == words.get(2);
            assert!(other || killed || text.contains(word), "{name}: {word}: {text}");
        }
    }
}

#[test]
fn english_is_what_was_written() {
    for (code, ..) in every_code() {
        assert_eq!(said(&view(Lang::En), "as it was written", Some(&code)), "as it was written");
    }
    assert_eq!(said(&view(Lang::Ja), "as others wrote it", None), "as others wrote it");
}

#[test]
fn codes_come_back_from_history_as_they_were() {
    for (code, _, name) in every_code() {
        let value = serde_json::to_value(&code).unwrap();
        assert_eq!(Code::deserialize(&value).unwrap(), code, "{name}");
    }
}

#[test]
fn errors_of_clients_read_as_sentences() {
    let check = |code: Code, expected: &str| {
        assert_eq!(japanese(&view(Lang::Ja), &code), expected);
    };
    let s = str::to_owned;
    check(CommandCode::Denied { program: s("/bin/x") }.into(), "/bin/x の実行権限がない");
    check(ProcessCode::Gone { what: s("process 7") }.into(), "存在しない(process 7)");
    check(
        SupervisordCode::Refused { text: s("BAD_NAME: web"), fault: 10 }.into(),
        "supervisord が拒否した: BAD_NAME: web(fault 10)",
    );
    check(
        SystemdCode::NoSuchUnit { unit: s("web.service"), near: vec![s("webd.service")] }.into(),
        "ユニット web.service は存在しない。似た名前: webd.service",
    );
    check(TmuxCode::NoUser { user: s("ann") }.into(), "ユーザー ann は存在しない");
    check(
        FilesCode::HardLinked { nlink: 2 }.into(),
        "名前が2個あり、残りはルートの外にあるかもしれない",
    );
}
