//! Is this caller who it says it is? Keys and `now` are handed in; fetching keys is `bitbucket`'s.
