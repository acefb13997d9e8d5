mod oracle;
mod support;
