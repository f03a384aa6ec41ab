"""Reads a report as strangers' programs do, and says what they see, as JSON.

    report_forms.py html FILE    by html.parser
    report_forms.py xml FILE     by xml.etree, held against what JUnit schemas have, and
                                 against Jenkins' own where WHEELPROOF_TEST_TOOLS has it
    report_forms.py md FILE      by cmarkgfm, which is GitHub's own; exit code 77 when it
                                 is not there

Anything in the file that a report never has is an error: exit code 1.
"""

import html.parser
import functools
import json
import os
import pathlib
import re
import sys
import unicodedata
import xml.etree.ElementTree

VOID = {"meta"}
# What our pages are made of. An element or attribute that came out of a name would
# be one of these only if the name closed a tag first, which the nesting shows.
ELEMENTS = set(
    "html head meta title style body header nav main footer section article div h1 h2 h3 h4 h5 h6"
    " p ul ol li dl dt dd table caption thead tbody tr th td details summary span strong b i code"
    " pre a del ins mark svg rect circle line path defs pattern g desc".split()
)
ATTRIBUTES = set(
    "lang charset http-equiv content name class id href aria-label aria-labelledby aria-hidden"
    " scope data-name open role tabindex width height x y x1 x2 y1 y2 cx cy r d fill"
    " patternUnits patternTransform focusable".split()
)
# HTML's parser hands names of attributes on in lower case.
ATTRIBUTES |= {name.lower() for name in ATTRIBUTES}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.ids, self.places = [], [], [], []
        self.headings, self.seen, self.security = [], [], None

    def handle_starttag(self, tag, attributes):
        assert tag in ELEMENTS, f"element {tag}"
        for name, value in attributes:
            assert name in ATTRIBUTES, f"attribute {name} of {tag}"
            assert value is not None, f"attribute {name} of {tag} has no value"
        attributes = dict(attributes)
        assert len(attributes) == len(set(attributes)), f"attribute twice in {tag}"
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if "href" in attributes:
            assert attributes["href"].startswith("#"), attributes["href"]
            self.places.append(attributes["href"][1:])
        for place in attributes.get("aria-labelledby", "").split():
            self.places.append(place)
        if attributes.get("fill", "").startswith("url("):
            self.places.append(attributes["fill"][5:-1])
        if attributes.get("http-equiv") == "Content-Security-Policy":
            assert "style" not in self.seen, "the policy comes too late"
            self.security = attributes["content"]
        if tag == "html":
            assert attributes["lang"] == "en"
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or (
                attributes.get("role") == "img" and attributes.get("aria-label")
            ), "a picture without words"
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.headings.append(int(tag[1]))
        if "svg" not in self.open:
            self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if "style" not in self.open and data.strip():
            self.texts.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"comment {data}")

    def handle_pi(self, data):
        raise AssertionError(f"instruction {data}")

    def unknown_decl(self, data):
        raise AssertionError(f"declaration {data}")


def read_html(text):
    assert text.startswith("<!DOCTYPE html>\n")
    page = Page()
    page.feed(text)
    page.close()
    assert not page.open, page.open
    assert page.security == "default-src 'none'; style-src 'unsafe-inline'", page.security
    assert len(page.ids) == len(set(page.ids)), "an id stands twice"
    missing = set(page.places) - set(page.ids)
    assert not missing, f"nothing is at {missing}"
    for landmark in ("header", "main", "footer", "title", "h1"):
        count = page.seen.count(landmark)
        assert count == 1, f"{count} {landmark}"
    assert page.headings[0] == 1
    for before, after in zip(page.headings, page.headings[1:]):
        assert after <= before + 1, f"a heading of level {after} below one of level {before}"
    return page.texts


# What the common schemas allow (Jenkins' junit-10.xsd is the strictest of them):
# the attributes of each element, those in capitals required; and its children.
SCHEMA = {
    "testsuites": ("name tests failures errors", "testsuite"),
    "testsuite": ("NAME TESTS FAILURES ERRORS skipped time", "testcase"),
    "testcase": ("NAME classname time", "skipped error failure system-out"),
    "skipped": ("message", ""),
    "error": ("message", ""),
    "failure": ("message", ""),
    "system-out": ("", ""),
}


@functools.cache
def jenkins_schema():
    """The XSD of Jenkins' xUnit plugin, with a validator that is not ours."""
    path = pathlib.Path(os.environ.get("WHEELPROOF_TEST_TOOLS", "."), "junit-10.xsd")
    try:
        import xmlschema
    except ImportError:
        return None
    return xmlschema.XMLSchema(os.fspath(path)) if path.exists() else None


def read_xml(text):
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = xml.etree.ElementTree.fromstring(text.encode("utf-8"))
    if jenkins_schema():
        jenkins_schema().validate(root)
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, children = SCHEMA[element.tag]
        allowed = attributes.lower().split()
        assert set(element.attrib) <= set(allowed), element.attrib
        for name in attributes.split():
            assert name.islower() or name.lower() in element.attrib, f"{element.tag}: no {name}"
        for child in element:
            assert child.tag in children.split(), f"{child.tag} in {element.tag}"
        assert not (element.tail or "").strip()
        if children:
            assert not (element.text or "").strip(), element.text
    for suite in [root, *root]:
        cases = list(suite.iter("testcase"))
        assert int(suite.get("tests")) == len(cases)
        for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            if suite.get(count) is not None:
                assert int(suite.get(count)) == sum(case.find(tag) is not None for case in cases)
        if suite is not root:
            assert cases, "a suite without cases"
    return [
        {
            "suite": suite.get("name"),
            "name": case.get("name"),
            "time": case.get("time"),
            "result": next((child.tag for child in case), "passed"),
            "message": next((child.get("message") for child in case), None),
            "text": "".join(child.text or "" for child in case),
        }
        for suite in root
        for case in suite
    ]


MARKDOWN_ELEMENTS = set(
    "h3 h4 p ul li strong em code pre br details summary table thead tbody tr th td".split()
)


class Comment(html.parser.HTMLParser):
    """The HTML that a comment becomes."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.text, self.loose = [], [], ""

    def handle_starttag(self, tag, attributes):
        assert tag in MARKDOWN_ELEMENTS, f"element {tag}: {self.text[-3:]}"
        for name, value in attributes:
            assert (tag, name) in (("pre", "lang"), ("code", "class")), f"{name} of {tag}"
            assert value in ("diff", "text", "language-diff", "language-text"), value
        self.settle()
        if tag in ("p", "li", "tr", "td", "th", "pre", "details", "br", "h3", "h4"):
            self.text.append("\n")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        self.settle()
        if tag != "br":
            assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        self.text.append(data)
        if not {"code", "pre"} & set(self.open):
            self.loose += data

    def handle_comment(self, data):
        assert data == " ", f"comment {data}"
        self.settle()

    def settle(self):
        """Looks for what is made into links after all markup is done."""
        assert not re.search(r"(^|\W)[@#]\w", self.loose), self.loose
        assert not re.search(r"://|www\.", self.loose), self.loose
        self.loose = ""


def read_md(text):
    try:
        import cmarkgfm
    except ImportError:
        sys.exit(77)
    from cmarkgfm.cmark import Options

    assert len(text.encode("utf-8")) < 65536
    made = cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE)
    page = Comment()
    page.feed(made)
    page.close()
    page.settle()
    assert not page.open, page.open
    return "".join(page.text)


def refused(character):
    """Whether nobody may see this character: Unicode's own classes say so."""
    if character == "\n":
        return False
    # Control, format, surrogate; U+00AD is a format character too.
    return unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")


def main():
    form, path = sys.argv[1:]
    with open(path, "rb") as file:
        text = file.read().decode("utf-8")
    for character in text:
        assert not refused(character), f"U+{ord(character):04X} stands in the file"
    seen = {"html": read_html, "xml": read_xml, "md": read_md}[form](text)
    json.dump(seen, sys.stdout)


main()
