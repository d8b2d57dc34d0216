// Draws Block Kit with slack-blocks-to-jsx, which is not Slack's. `make.py` bundles it and calls `draw`.

import { createRoot } from "react-dom/client";
import { Message } from "slack-blocks-to-jsx";
import "slack-blocks-to-jsx/dist/style.css";

// To Slack, `verbatim` means "make no links of your own", and plain text has no markup. This package would show the markup
// of the one and obey that of the other.
const formatted = (blocks) =>
  JSON.parse(JSON.stringify(blocks), (key, value) => {
    if (key === "verbatim") return undefined;
    return value?.type === "plain_text" ? { ...value, text: value.text.replaceAll("*", "∗") } : value;
  });

const words = (text) => (text ? text.text : "");

const Options = ({ element, kind }) =>
  element.options.map((option) => (
    <label key={option.value} className="option">
      <input type={kind} readOnly /> {words(option.text)}
    </label>
  ));

// An input of a dialog, as plain as can be: this package draws none.
const Input = ({ block }) => {
  const { element } = block;
  const value = element.initial_value ?? words(element.initial_option?.text) ?? "";
  const choose = { radio_buttons: "radio", checkboxes: "checkbox" }[element.type];
  const empty = words(element.placeholder) || (element.type.includes("select") ? "Select an option" : "");
  return (
    <div className="input">
      <b>{words(block.label)}</b>
      {block.optional && <i> (optional)</i>}
      {choose ? (
        <Options element={element} kind={choose} />
      ) : (
        <div className={element.multiline ? "box tall" : "box"}>{value || <span className="empty">{empty}</span>}</div>
      )}
      {block.hint && <small>{words(block.hint)}</small>}
    </div>
  );
};

const Blocks = ({ blocks }) =>
  blocks.map((block, index) =>
    block.type === "input" ? (
      <Input key={index} block={block} />
    ) : (
      <Message key={index} blocks={formatted([block])} logo="" name="" time={new Date()} theme="light" withoutWrapper />
    ),
  );

const Dialog = ({ view }) => (
  <div className="dialog">
    <header>{words(view.title)}</header>
    <Blocks blocks={view.blocks} />
    <footer>
      <button>{words(view.close) || "Cancel"}</button>
      {view.submit && <button className="primary">{words(view.submit)}</button>}
    </footer>
  </div>
);

window.draw = ({ blocks, logo, view, home }) =>
  createRoot(document.querySelector("#message")).render(
    home ? (
      <Blocks blocks={home.blocks} />
    ) : view ? (
      <Dialog view={view} />
    ) : (
      <Message blocks={formatted(blocks)} logo={logo} name="Sayso" time={new Date()} theme="light" />
    ),
  );
