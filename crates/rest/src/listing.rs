//! Lists: which page, in which order, and what a page looks like.

use promptgate_kernel::{Page, PageRequest, SortDirection};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;

/// The parameters that every list takes. Page and size that are no numbers become the default.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Which page, from 1.
    #[param(value_type = Option<u32>, example = 1)]
    page: Option<String>,
    /// How many items a page has: 1 to 100, 10 unless given.
    #[param(value_type = Option<u32>, example = 10)]
    page_size: Option<String>,
    /// What to sort by.
    sort_by: Option<String>,
    /// `asc` or `desc`.
    sort_dir: Option<String>,
}

impl ListParams {
    /// Which page is wanted; what is no positive number becomes the default.
    pub(crate) fn page(&self) -> PageRequest {
        let number = |text: &Option<String>| {
            text.as_deref()
                .and_then(|text| text.trim().parse::<i64>().ok())
                .map_or(0, |number| u32::try_from(number.max(0)).unwrap_or(u32::MAX))
        };
        PageRequest::clamped(number(&self.page), number(&self.page_size))
    }

    /// Which page is wanted; what is no page is refused.
    pub(crate) fn strict_page(&self) -> Result<PageRequest, ApiError> {
        let number = |field: &str, text: &Option<String>, largest: u32| {
            let Some(text) = text.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
                return Ok(0);
            };
            let number = text.parse::<u32>().ok().filter(|number| (1..=largest).contains(number));
            number.ok_or_else(|| {
                ApiError::bad_request("invalid_pagination")
                    .field(field)
                    .message(format!("{field} must be a number from 1 to {largest}"))
            })
        };
        let page = number("page", &self.page, u32::MAX)?;
        Ok(PageRequest::clamped(page, number("pageSize", &self.page_size, PageRequest::MAX_SIZE)?))
    }

    /// What to sort by and which way; `keys` are the ones that the list knows. Without a key, the
    /// list's own order.
    pub(crate) fn sort<S: Copy>(
        &self,
        keys: &[(&str, S)],
        default: (S, SortDirection),
    ) -> Result<(S, SortDirection), ApiError> {
        let invalid = |field: &str, message: String| {
            ApiError::bad_request("invalid_sort").field(field).message(message)
        };
        let direction = match self.sort_dir.as_deref().map(|text| text.trim().to_ascii_lowercase()).as_deref()
        {
            None | Some("") => None,
            Some("asc") => Some(SortDirection::Ascending),
            Some("desc") => Some(SortDirection::Descending),
            Some(_) => return Err(invalid("sortDir", "sortDir must be asc or desc".to_owned())),
        };
        let wanted = self.sort_by.as_deref().map(str::trim).filter(|key| !key.is_empty());
        let Some(wanted) = wanted else {
            return Ok((default.0, direction.unwrap_or(default.1)));
        };
        let known = keys.iter().find(|(key, _)| *key == wanted);
        let (_, sort) = known.ok_or_else(|| {
            let names: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
            invalid("sortBy", format!("sortBy must be one of {}", names.join(", ")))
        })?;
        Ok((*sort, direction.unwrap_or(SortDirection::Ascending)))
    }
}

/// A parameter that is `true`, `false`, or not there.
pub(crate) fn flag(field: &'static str, text: Option<&str>) -> Result<Option<bool>, ApiError> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(ApiError::bad_request("invalid_filter")
            .field(field)
            .message(format!("{field} must be true or false"))),
    }
}

/// A parameter that is a text, or not there.
pub(crate) fn given(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A whole list, which has no pages.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ItemsView<T> {
    /// All items.
    pub(crate) items: Vec<T>,
}

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListView<T> {
    /// The items of this page.
    items: Vec<T>,
    /// Which page this is, from 1.
    page: u32,
    /// How many items a full page has.
    page_size: u32,
    /// How many items all pages have together.
    total: u64,
}

impl<T> ListView<T> {
    /// A page, each item as it is shown.
    pub(crate) fn of<E>(page: Page<E>, view: impl FnMut(E) -> T) -> Self {
        let page = page.map(view);
        Self {
            items: page.items,
            page: page.request.page(),
            page_size: page.request.size(),
            total: page.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(page: &str, size: &str, by: Option<&str>, dir: Option<&str>) -> ListParams {
        ListParams {
            page: Some(page.into()),
            page_size: Some(size.into()),
            sort_by: by.map(Into::into),
            sort_dir: dir.map(Into::into),
        }
    }

    #[test]
    fn wrong_pages_become_the_default() {
        for (page, size, expected) in
            [("2", "25", (2, 25)), ("0", "-3", (1, 10)), ("x", "", (1, 10)), ("-1", "101", (1, 100))]
        {
            let request = params(page, size, None, None).page();
            assert_eq!((request.page(), request.size()), expected, "{page} {size}");
        }
    }

    #[test]
    fn unknown_sorts_are_refused_and_missing_ones_are_the_default() {
        let keys = [("name", 1), ("createdAt", 2)];
        let default = (2, SortDirection::Descending);
        let sort = |by, dir| params("1", "1", by, dir).sort(&keys, default);
        assert_eq!(sort(None, None).unwrap(), default);
        assert_eq!(sort(Some("name"), None).unwrap(), (1, SortDirection::Ascending));
        assert_eq!(sort(Some("name"), Some(" DESC ")).unwrap(), (1, SortDirection::Descending));
        assert_eq!(sort(Some("id"), None).unwrap_err().code(), "invalid_sort");
        assert_eq!(sort(None, Some("up")).unwrap_err().code(), "invalid_sort");
    }
}
