//! What attackers write into names and texts, hoping that a page obeys it.

use portcullis::decision::narrative::shown;

/// Each calls a function that the browser has been told to note, or loads something.
pub const STRINGS: [&str; 66] = [
    "<script>alert(1)</script>",
    "\"><script>alert(2)</script>",
    "'><script>alert(3)</script>",
    "</title><script>alert(4)</script>",
    "</textarea><script>alert(5)</script>",
    "</option></select><script>alert(6)</script>",
    "<script src=//127.0.0.1:9/x.js></script>",
    "<script src=data:text/javascript,alert(8)></script>",
    "<SCRIPT>alert(9)</SCRIPT>",
    "<script/x>alert(10)</script>",
    "<<script>alert(11);//<</script>",
    "<scr<script>ipt>alert(12)</scr</script>ipt>",
    "<script>alert(13)//",
    "<img src=x onerror=alert(14)>",
    "<img src=x onerror=\"alert(15)\">",
    "\"><img src=x onerror=alert(16)>",
    "<img/src=x/onerror=alert(17)>",
    "<IMG SRC=x ONERROR=alert(18)>",
    "<img src='x' onerror='alert(19)'//",
    "<image src=x onerror=alert(20)>",
    "<svg onload=alert(21)>",
    "<svg/onload=alert(22)>",
    "<svg><script>alert(23)</script></svg>",
    "<svg><animate onbegin=alert(24) attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:alert(25)><text y=9>x</text></a></svg>",
    "<svg><foreignObject><img src=x onerror=alert(26)></foreignObject></svg>",
    "<math><mtext><script>alert(27)</script></mtext></math>",
    "<math><mi//xlink:href=\"javascript:alert(28)\">x</mi></math>",
    "<body onload=alert(29)>",
    "<iframe src=javascript:alert(30)></iframe>",
    "<iframe srcdoc=\"<script>parent.alert(31)</script>\"></iframe>",
    "<object data=javascript:alert(32)></object>",
    "<embed src=javascript:alert(33)>",
    "<a href=javascript:alert(34)>x</a>",
    "javascript:alert(35)",
    "<form action=javascript:alert(36)><button>x</button></form>",
    "<button formaction=javascript:alert(37)>x</button>",
    "<input autofocus onfocus=alert(38)>",
    "\" autofocus onfocus=alert(39) x=\"",
    "' autofocus onfocus=alert(40) x='",
    " onmouseover=alert(41) ",
    "\" onmouseover=\"alert(42)",
    "<details open ontoggle=alert(43)>x</details>",
    "<video><source onerror=alert(44)></video>",
    "<audio src=x onerror=alert(45)></audio>",
    "<marquee onstart=alert(46)>x</marquee>",
    "<style>@import '//127.0.0.1:9/x.css';</style>",
    "<link rel=stylesheet href=//127.0.0.1:9/x.css>",
    "<base href=//127.0.0.1:9/>",
    "<meta http-equiv=refresh content=\"0;url=javascript:alert(50)\">",
    "<meta http-equiv=refresh content=\"0;url=http://127.0.0.1:9/\">",
    "<template><script>alert(52)</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(53)>\">",
    "<!--><img src=x onerror=alert(54)>-->",
    "<![CDATA[<img src=x onerror=alert(55)>]]>",
    "]]><script>alert(56)</script>",
    "--><script>alert(57)</script>",
    "&lt;script&gt;alert(58)&lt;/script&gt;",
    "&#60;script&#62;alert(59)&#60;/script&#62;",
    "\\x3cscript\\x3ealert(60)\\x3c/script\\x3e",
    "\\u003cscript\\u003ealert(61)\\u003c/script\\u003e",
    "%3Cscript%3Ealert(62)%3C/script%3E",
    "{{constructor.constructor('alert(63)')()}}",
    "${alert(64)}",
    "';alert(65);//",
    "<xss id=x tabindex=1 onactivate=alert(66)></xss>",
];

/// Strings that stand together in one text: a page's worth, so that a walk over all pages stays short.
pub const TOGETHER: usize = 6;

/// All of them, so many in a text.
pub fn texts() -> Vec<String> {
    STRINGS.chunks(TOGETHER).map(|some| some.join(" ")).collect()
}

/// As it must stand on a page, letter by letter: control characters as escapes, and no backticks, which are marks of ours.
pub fn literal(text: &str) -> String {
    shown(text).replace('`', "")
}
