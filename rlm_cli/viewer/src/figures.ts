/** Numbers for people, spelled as the command line spells them. */

export function tokens(count: number): string {
  for (const unit of ["", "k", "M", "G"]) {
    if (count < 999.5 || unit === "G") return count.toFixed(unit && count < 9.95 ? 1 : 0) + unit;
    count /= 1000;
  }
  return "";
}

export function bytes(count: number): string {
  for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
    if (count < 999.5 || unit === "TB") return `${count.toFixed(unit !== "B" && count < 9.95 ? 1 : 0)} ${unit}`;
    count /= 1000;
  }
  return "";
}

export function duration(seconds: number): string {
  if (seconds > 0 && seconds < 0.0995) return `${Math.max(1, Math.round(seconds * 1000))}ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
}

export function money(dollars: number): string {
  if (dollars <= 0) return "$0";
  if (dollars < 0.0005) return "<$0.001";
  return dollars < 0.9995 ? `$${dollars.toFixed(3)}` : `$${dollars.toFixed(2)}`;
}

export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

export function plural(value: number, noun: string, many = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : many}`;
}

export function percent(part: number, whole: number): string {
  if (!whole) return "0%";
  const share = (100 * part) / whole;
  return share > 0 && share < 1 ? "<1%" : `${Math.floor(share)}%`;
}
