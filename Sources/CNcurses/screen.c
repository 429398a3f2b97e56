// The screen and the keyboard, by ncurses.
#define NCURSES_WIDECHAR 1
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "CNcurses.h"
#include "internal.h"

static SCREEN *screen;
static int is_unicode;
static int has_paste;
static int has_moves;

// Codes for sequences that terminfo does not name; above all of ncurses' own.
enum { PASTE_START = 0x2000, PASTE_END = 0x2001, MODIFIED = 0x2100 };

static const struct {
  const char *name;  // terminfo name of the modified key, without its number
  int curses, key;
} named_keys[] = {
    {"kUP", KEY_UP, NC_UP},          {"kDN", KEY_DOWN, NC_DOWN},
    {"kLFT", KEY_LEFT, NC_LEFT},     {"kRIT", KEY_RIGHT, NC_RIGHT},
    {"kHOM", KEY_HOME, NC_HOME},     {"kEND", KEY_END, NC_END},
    {"kPRV", KEY_PPAGE, NC_PAGE_UP}, {"kNXT", KEY_NPAGE, NC_PAGE_DOWN},
    {"kIC", KEY_IC, NC_INSERT},      {"kDC", KEY_DC, NC_DELETE},
};
enum { NAMED_KEYS = sizeof named_keys / sizeof *named_keys };

static const char *capability(const char *name) {
  char *value = tigetstr(name);
  return value == NULL || value == (char *)-1 ? "" : value;
}

// Collects a capability without its padding marks `$<...>`.
static int append(char *bytes, int count, int room, const char *value) {
  for (; *value && count < room; value++) {
    if (value[0] == '$' && value[1] == '<') {
      const char *end = strchr(value, '>');
      if (end == NULL) break;
      value = end;
      continue;
    }
    bytes[count++] = *value;
  }
  return count;
}

static void prepare_restore(int uses_mouse) {
  static const char *const names[] = {"sgr0", "op", "cnorm", "rmkx", "rmcup"};
  char bytes[512];
  int count = 0;
  if (uses_mouse) count = append(bytes, count, 512, "\033[?1006l\033[?1003l\033[?1002l\033[?1000l");
  if (has_paste) count = append(bytes, count, 512, "\033[?2004l");
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    count = append(bytes, count, 512, capability(names[i]));
  }
  nc_restore_prepare(bytes, count);
}

static void define_keys(void) {
  define_key("\033[200~", PASTE_START);
  define_key("\033[201~", PASTE_END);
  // xterm's modified keys: 2 shift, 3 alt, 4 both, 5 control, 6 with shift, 7 with alt, 8 all.
  for (int key = 0; key < NAMED_KEYS; key++) {
    for (int modifier = 2; modifier <= 8; modifier++) {
      char name[16];
      snprintf(name, sizeof name, modifier == 2 ? "%s" : "%s%d", named_keys[key].name, modifier);
      const char *sequence = capability(name);
      if (*sequence) define_key(sequence, MODIFIED + key * 16 + modifier);
    }
  }
}

// ncurses asks for clicks; every move is asked for here. Terminals that do not know the mode pass it over.
static void set_moves(int is_on) {
  if (!has_moves) return;
  fputs(is_on ? "\033[?1003h" : "\033[?1003l", stdout);
  fflush(stdout);
}

static void set_paste(int is_on) {
  if (!has_paste) return;
  fputs(is_on ? "\033[?2004h" : "\033[?2004l", stdout);
  fflush(stdout);
}

// Ctrl-S, Ctrl-Q and Ctrl-V are keys of ours; without this Ctrl-S stops all output. Ctrl-C and
// Ctrl-Z stay signals.
static void free_control_keys(void) {
  struct termios modes;
  if (tcgetattr(STDIN_FILENO, &modes) != 0) return;
  modes.c_iflag &= ~(tcflag_t)IXON;
  modes.c_lflag &= ~(tcflag_t)IEXTEN;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
  def_prog_mode();
}

int nc_open(const char *term, int uses_mouse) {
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) return NC_NOT_A_TERMINAL;
  setlocale(LC_CTYPE, "");
  is_unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  if (!is_unicode) {
    // The C locale says nothing about the terminal, and those of today show UTF-8; other charsets
    // are meant.
    int is_c = strcmp(nl_langinfo(CODESET), "ANSI_X3.4-1968") == 0;
    is_unicode = setlocale(LC_CTYPE, "C.UTF-8") != NULL && is_c;
  }
  // Before newterm: ncurses installs its own handlers only where there are none.
  if (nc_signals_open() != 0) return NC_NO_RESOURCES;
  screen = newterm(term, stdout, stdin);
  if (screen == NULL) {
    nc_signals_close();
    return NC_UNKNOWN_TERM;
  }
  if (*capability("cup") == 0) {
    endwin();
    delscreen(screen);
    screen = NULL;
    nc_signals_close();
    return NC_CANNOT_MOVE;
  }
  has_paste = *capability("kmous") != 0;
  prepare_restore(uses_mouse);
  nc_stderr_hide();
  cbreak();
  noecho();
  nonl();
  free_control_keys();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  set_escdelay(25);
  curs_set(0);
  if (has_colors()) {
    start_color();
    use_default_colors();
  }
  if (uses_mouse) {
    mousemask(
        ALL_MOUSE_EVENTS | REPORT_MOUSE_POSITION | BUTTON_SHIFT | BUTTON_CTRL | BUTTON_ALT, NULL);
    mouseinterval(0);
    has_moves = *capability("kmous") != 0;
    set_moves(1);
  }
  define_keys();
  set_paste(1);
  return NC_OK;
}

void nc_close(void) {
  if (screen == NULL) return;
  nc_park_if_dying();
  set_paste(0);
  set_moves(0);
  mousemask(0, NULL);
  curs_set(1);
  endwin();
  delscreen(screen);
  screen = NULL;
  nc_stderr_show();
  nc_signals_close();
}

int nc_colors(void) { return screen != NULL && has_colors() ? COLORS : 0; }

int nc_is_unicode(void) { return is_unicode; }

void nc_size(int *width, int *height) {
  *width = screen == NULL ? 0 : getmaxx(stdscr);
  *height = screen == NULL ? 0 : getmaxy(stdscr);
}

int nc_pair(int foreground, int background) {
  if (foreground < 0 && background < 0) return 0;
  int pair = alloc_pair(foreground, background);
  return pair < 0 ? 0 : pair;
}

void nc_put(int x, int y, const nc_cell *cells, int count, int attributes, int pair) {
  if (screen == NULL) return;
  nc_park_if_dying();
  attr_t bits = 0;
  if (attributes & NC_BOLD) bits |= A_BOLD;
  if (attributes & NC_DIM) bits |= A_DIM;
  if (attributes & NC_ITALIC) bits |= A_ITALIC;
  if (attributes & NC_UNDERLINE) bits |= A_UNDERLINE;
  if (attributes & NC_REVERSE) bits |= A_REVERSE;
  for (int i = 0; i < count; i++) {
    wchar_t text[3] = {(wchar_t)cells[i].scalar, (wchar_t)cells[i].mark, 0};
    cchar_t cell;
    // Every cell is placed by our own widths, so that another opinion of the C library shifts
    // nothing; and unlike add_wch this does not scroll at the last cell.
    if (setcchar(&cell, text, bits, 0, &pair) != ERR) mvadd_wchnstr(y, x, &cell, 1);
    x += cells[i].width;
  }
}

void nc_invalidate(void) {
  if (screen != NULL) clearok(curscr, TRUE);
}

void nc_flush(int caret_x, int caret_y) {
  if (screen == NULL) return;
  nc_park_if_dying();
  curs_set(caret_x >= 0);
  if (caret_x >= 0) move(caret_y, caret_x);
  refresh();
}

int nc_wait(int milliseconds) {
  nc_park_if_dying();
  struct pollfd files[2] = {
      {.fd = STDIN_FILENO, .events = POLLIN},
      {.fd = nc_pipe[0], .events = POLLIN},
  };
  int ready = 0;
  if (poll(files, 2, milliseconds) > 0) {
    if (files[0].revents & POLLIN) ready |= NC_INPUT;
    if (files[0].revents & (POLLHUP | POLLERR | POLLNVAL)) ready |= NC_GONE;
    if (files[1].revents & POLLIN) {
      char bytes[64];
      while (read(nc_pipe[0], bytes, sizeof bytes) > 0) {
      }
      ready |= NC_WOKEN;
    }
  }
  nc_park_if_dying();
  return ready;
}

static nc_event key_event(int key, int modifiers) {
  return (nc_event){.kind = NC_KEY, .code = (uint32_t)key, .modifiers = modifiers};
}

static nc_event mouse_event(void) {
  static const struct {
    mmask_t bits;
    int code;
  } actions[] = {
      {BUTTON1_PRESSED, NC_PRESS_LEFT},      {BUTTON2_PRESSED, NC_PRESS_MIDDLE},
      {BUTTON3_PRESSED, NC_PRESS_RIGHT},     {BUTTON1_RELEASED, NC_RELEASE_LEFT},
      {BUTTON2_RELEASED, NC_RELEASE_MIDDLE}, {BUTTON3_RELEASED, NC_RELEASE_RIGHT},
      {BUTTON4_PRESSED, NC_WHEEL_UP},        {BUTTON5_PRESSED, NC_WHEEL_DOWN},
      // A press whose release came in the same read.
      {BUTTON1_CLICKED, NC_PRESS_LEFT},      {BUTTON2_CLICKED, NC_PRESS_MIDDLE},
      {BUTTON3_CLICKED, NC_PRESS_RIGHT},     {BUTTON1_DOUBLE_CLICKED, NC_PRESS_LEFT},
      {BUTTON1_TRIPLE_CLICKED, NC_PRESS_LEFT},
  };
  static int is_left_held;
  MEVENT mouse;
  nc_event event = {.kind = NC_MOUSE};
  if (getmouse(&mouse) != OK) return event;
  for (unsigned i = 0; i < sizeof actions / sizeof *actions; i++) {
    if (mouse.bstate & actions[i].bits) {
      event.code = (uint32_t)actions[i].code;
      break;
    }
  }
  if (event.code == NC_PRESS_LEFT) is_left_held = !!(mouse.bstate & BUTTON1_PRESSED);
  if (event.code == NC_RELEASE_LEFT) is_left_held = 0;
  if (event.code == 0 && mouse.bstate & REPORT_MOUSE_POSITION) {
    event.code = is_left_held ? NC_DRAG_LEFT : NC_MOVE;
  }
  if (mouse.bstate & BUTTON_SHIFT) event.modifiers |= NC_SHIFT;
  if (mouse.bstate & BUTTON_ALT) event.modifiers |= NC_ALT;
  if (mouse.bstate & BUTTON_CTRL) event.modifiers |= NC_CONTROL;
  event.x = mouse.x;
  event.y = mouse.y;
  return event;
}

static nc_event curses_key(int code) {
  switch (code) {
    case KEY_MOUSE: return mouse_event();
    case KEY_BACKSPACE: return key_event(NC_BACKSPACE, 0);
    case KEY_ENTER: return key_event(NC_ENTER, 0);
    case KEY_BTAB: return key_event(NC_BACK_TAB, NC_SHIFT);
    case KEY_SR: return key_event(NC_UP, NC_SHIFT);
    case KEY_SF: return key_event(NC_DOWN, NC_SHIFT);
    case PASTE_START: return (nc_event){.kind = NC_PASTE_START};
    case PASTE_END: return (nc_event){.kind = NC_PASTE_END};
    default: break;
  }
  if (code >= MODIFIED && code < MODIFIED + NAMED_KEYS * 16) {
    // xterm counts modifiers from 1, in our own order of bits.
    return key_event(named_keys[(code - MODIFIED) / 16].key, (code - MODIFIED) % 16 - 1);
  }
  for (int i = 0; i < NAMED_KEYS; i++) {
    if (named_keys[i].curses == code) return key_event(named_keys[i].key, 0);
  }
  if (code > KEY_F0 && code <= KEY_F(63)) return key_event(NC_FUNCTION + code - KEY_F0, 0);
  // A key that we do not know: seen, but without a code.
  return key_event(0, 0);
}

nc_event nc_read(void) {
  nc_event none = {.kind = NC_NONE};
  if (screen == NULL) return none;
  if (nc_signal_take_interrupt()) return (nc_event){.kind = NC_CHARACTER, .code = 3};
  wint_t code = 0;
  int result = get_wch(&code);
  if (result == ERR) return none;
  if (result == KEY_CODE_YES) return curses_key((int)code);
  nc_event event = {.kind = NC_CHARACTER, .code = code};
  if (code == 27) {
    // What comes with an escape in one breath was typed with Alt.
    result = get_wch(&code);
    if (result == ERR) return event;
    if (result == KEY_CODE_YES) {
      event = curses_key((int)code);
    } else {
      event.code = code;
    }
    event.modifiers |= NC_ALT;
  }
  return event;
}

int nc_take_resize(void) {
  if (screen == NULL || !nc_signal_take_resize()) return 0;
  struct winsize window;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0) return 0;
  if (window.ws_row == 0 || window.ws_col == 0) return 0;
  resizeterm(window.ws_row, window.ws_col);
  erase();
  clearok(curscr, TRUE);
  return 1;
}

int nc_take_suspend(void) { return screen != NULL && nc_signal_take_suspend(); }

void nc_suspend(void) {
  if (screen == NULL) return;
  set_paste(0);
  curs_set(1);
  endwin();
  // The whole job stops, as the terminal would have stopped it.
  kill(0, SIGSTOP);
  reset_prog_mode();
  set_paste(1);
  clearok(curscr, TRUE);
  refresh();
  raise(SIGWINCH);
}
