#include "aero/core/terminal.h"

#include "aero/core/numbers.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>

namespace aero {

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) == 1;
}

int columns_of(int descriptor) {
  constexpr int usual = 80;
  if (!is_terminal(descriptor)) return 0;
  const char* const text = std::getenv("COLUMNS");
  const auto wanted = integer_from(text == nullptr ? "" : text);
  if (wanted && *wanted > 0 && *wanted <= std::numeric_limits<int>::max()) {
    return static_cast<int>(*wanted);
  }
  struct winsize window {};
  const bool known = ::ioctl(descriptor, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
  return known ? window.ws_col : usual;
}

}  // namespace aero
