#include "aero/report/bar_chart.h"

#include "aero/core/text.h"
#include "aero/report/format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>

namespace aero::report {
namespace {

/// The colours of scripts/plot.py: Okabe and Ito's palette without its yellow, then darker ones of
/// Tol's. tests/scripts/test_plot_palette.py compares the two lists.
constexpr std::array colours{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9",
                             "#E69F00", "#000000", "#882255", "#117733", "#332288",
                             "#999933", "#661100", "#888888", "#AA4499", "#CC6677"};
constexpr double width = 860;
constexpr double left = 210;
constexpr double right = 90;
constexpr double bar_height = 26;
constexpr double pitch = 38;
constexpr double top = 48;
constexpr double legend_line = 20;

double total(const Bar& bar) {
  double sum = 0;
  for (const Share& part : bar.parts) sum += part.bytes;
  return sum;
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string text_at(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     escaped(text));
}

std::string box(double x, double y, double w, double h, const std::string& colour,
                const std::string& tip) {
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.1f}\" "
      "fill=\"{}\"><title>{}</title></rect>\n",
      x, y, w, h, colour, escaped(tip));
}

/// Returns every name that a bar has, in the order of the first use.
std::vector<std::string> names_of(const std::vector<Bar>& bars) {
  std::vector<std::string> names;
  for (const Bar& bar : bars) {
    for (const Share& part : bar.parts) {
      if (std::ranges::find(names, part.name) == names.end()) names.push_back(part.name);
    }
  }
  return names;
}

/// Returns a colour for each place, none twice: after the palette, hues follow the golden ratio.
std::string colour(std::size_t place) {
  if (place < colours.size()) return colours[place];
  constexpr double golden = 0.618034;
  const double turns = 0.05 + golden * static_cast<double>(place - colours.size());
  return fmt::format("hsl({:.1f}, 85%, 40%)", 360 * (turns - std::floor(turns)));
}

std::string colour_of(const std::vector<std::string>& names, const std::string& name) {
  return colour(static_cast<std::size_t>(std::ranges::find(names, name) - names.begin()));
}

std::string drawn(const Bar& bar, double y, double scale, const std::vector<std::string>& names) {
  const double baseline = y + bar_height / 2 + 4;
  std::string svg = text_at(left - 8, baseline, "end", bar.label);
  double x = left;
  for (const Share& part : bar.parts) {
    const double w = part.bytes * scale;
    svg += box(x, y, w, bar_height, colour_of(names, part.name),
               fmt::format("{}: {}", part.name, traffic_text(part.bytes)));
    x += w;
  }
  return svg + text_at(x + 6, baseline, "start", traffic_text(total(bar)));
}

}  // namespace

std::string bar_chart(const std::string& title, const std::vector<Bar>& bars) {
  if (bars.empty()) throw std::invalid_argument("a chart without a bar");
  double largest = 0;
  for (const Bar& bar : bars) largest = std::max(largest, total(bar));
  const double scale = largest > 0 ? (width - left - right) / largest : 0;
  const auto names = names_of(bars);
  constexpr std::size_t columns = 4;
  const auto legend_rows = (names.size() + columns - 1) / columns;
  const double legend = top + pitch * static_cast<double>(bars.size()) + 8;
  const double height = legend + legend_line * static_cast<double>(legend_rows) + 8;

  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"white\"/>\n",
      width, height);
  svg += text_at(width / 2, 24, "middle", title);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    svg += drawn(bars[i], top + pitch * static_cast<double>(i), scale, names);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const double x = 20 + (width - 40) / columns * static_cast<double>(i % columns);
    const double y = legend + legend_line * static_cast<double>(i / columns);
    svg += box(x, y, 12, 12, colour_of(names, names[i]), names[i]);
    svg += text_at(x + 18, y + 11, "start", names[i]);
  }
  return svg + "</svg>\n";
}

}  // namespace aero::report
