// Draws an Adaptive Card with Microsoft's renderer, in colours near to those of Teams. `make.py` bundles it and calls `draw`.

import * as AC from "adaptivecards";
import markdown from "markdown-it";

// As in Teams, what stands in a TextBlock or in the title of a choice is markdown.
AC.AdaptiveCard.onProcessMarkdown = (text, result) => {
  result.outputHtml = markdown().render(text);
  result.didProcess = true;
};

const colours = (dark) => {
  const shade = (normal, subtle) => ({ default: normal, subtle });
  const foregroundColors = dark
    ? {
        default: shade("#ffffff", "#adadad"),
        accent: shade("#7f85f5", "#7f85f5"),
        attention: shade("#e37d80", "#e37d80"),
        good: shade("#92c353", "#92c353"),
      }
    : {
        default: shade("#242424", "#616161"),
        accent: shade("#5b5fc7", "#5b5fc7"),
        attention: shade("#c4314b", "#c4314b"),
        good: shade("#237b4b", "#237b4b"),
      };
  const style = (backgroundColor) => ({ backgroundColor, foregroundColors });
  const grounds = dark
    ? ["#292929", "#1f1f1f", "#2f2f4a", "#3e1f24", "#1d3524"]
    : ["#ffffff", "#f5f5f5", "#e8ebfa", "#fcf4f6", "#e7f2da"];
  const [normal, emphasis, accent, attention, good] = grounds.map(style);
  return { default: normal, emphasis, accent, attention, good };
};

const sizes = (normal) => ({ small: 12, default: normal, medium: 16, large: 18, extraLarge: 22 });
const weights = { lighter: 300, default: 400, bolder: 600 };

const host = (dark) =>
  new AC.HostConfig({
    fontTypes: {
      default: { fontFamily: "'Segoe UI', system-ui, sans-serif", fontSizes: sizes(14), fontWeights: weights },
      monospace: { fontFamily: "'DejaVu Sans Mono', monospace", fontSizes: sizes(13), fontWeights: weights },
    },
    spacing: { small: 6, default: 8, medium: 14, large: 20, extraLarge: 24, padding: 16 },
    separator: { lineThickness: 1, lineColor: dark ? "#484848" : "#e1dfdd" },
    containerStyles: colours(dark),
    actions: { maxActions: 6, actionsOrientation: "horizontal", actionAlignment: "left", buttonSpacing: 8 },
    supportsInteractivity: true,
  });

// Both copies stand in one page, so their inputs go by names of their own.
const copied = (card, dark) => JSON.parse(JSON.stringify(card), (key, value) => (key === "id" ? `${value}-${dark}` : value));

const drawn = (card, dark) => {
  const context = new AC.SerializationContext();
  const made = new AC.AdaptiveCard();
  made.hostConfig = host(dark);
  made.parse(copied(card, dark), context);
  document.querySelector(dark ? "#dark" : "#light").appendChild(made.render());
  const parsed = Array.from({ length: context.eventCount }, (_, index) => context.getEventAt(index));
  return [...parsed, ...made.validateProperties().validationEvents].map((event) => event.message);
};

window.draw = (card) => [...drawn(card, false), ...drawn(card, true)];
