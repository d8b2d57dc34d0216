// Draws Block Kit with slack-blocks-to-jsx, which is not Slack's. `make.py` bundles it and calls `draw`.

import { createRoot } from "react-dom/client";
import { Message } from "slack-blocks-to-jsx";
import "slack-blocks-to-jsx/dist/style.css";

// To Slack, `verbatim` means "make no links of your own"; this package would show the markup itself.
const formatted = (blocks) =>
  JSON.parse(JSON.stringify(blocks), (key, value) => (key === "verbatim" ? undefined : value));

window.draw = ({ blocks, logo }) =>
  createRoot(document.querySelector("#message")).render(
    <Message blocks={formatted(blocks)} logo={logo} name="Sayso" time={new Date()} theme="light" />,
  );
